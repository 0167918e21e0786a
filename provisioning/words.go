package provisioning

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"sipward/internal/account"
)

// words are the texts of pages and messages in one language. %s is the server's name, or the address.
type words struct {
	Install, InstallLead, StoreApple, StoreAndroid, ScanPhone, ScanLead, NoStore, ThenActivate       string
	Activate, ActivateLead, Open, OpenHint, OtherApp, OtherLead, OtherButton                         string
	Done, DoneLead, Linphone, LinphoneLead, LinphoneOpen, ByHand, User, Password, Server             string
	Domain, Transport, Once, Gone, GoneLead, Stopped, StoppedLead, Stale, StaleLead                  string
	Sheet, Step1, Step2, Step3, ValidUntil, For, Number                                              string
	SMSInstall, SMSActivate, SubjectInstall, SubjectActivate, Hello, MailInstall, MailActivate, Keep string
}

// wordsOf is every language the product speaks. SMS texts are plain GSM-7 letters, so that they stay one SMS with a link
// of up to 90 characters.
func wordsOf(l account.Language) words {
	switch l {
	case "it":
		return italian()
	case "fr":
		return french()
	case "es":
		return spanish()
	case "de":
		return german()
	}
	return english()
}

func italian() words {
	return words{
		"Installa l'app", "Scarica l'app dallo store del tuo telefono.", "App Store", "Google Play", "Inquadra con il telefono", "Apri questa pagina sul telefono su cui vuoi usare l'app.",
		"Chiedi l'app al tuo amministratore.", "Dopo l'installazione apri il link di attivazione che hai ricevuto.",
		"Attiva il tuo telefono", "Il telefono riceverà la sua configurazione da questo server e si legherà a esso:", "Apri nell'app", "L'app deve essere già installata su questo telefono.",
		"Usi un'altra app?", "Attiva qui e ottieni un codice per Linphone e i dati per qualsiasi altra app SIP. Il link vale una volta sola.", "Attiva qui",
		"Attivato", "Il tuo account è attivo. Questa pagina vale per dieci minuti.", "Linphone", "Nell'app Linphone scegli di scansionare un codice QR e inquadra questo.", "Apri in Linphone",
		"Dati per altre app", "Utente", "Password", "Server", "Dominio", "Trasporto", "Il codice funziona una volta sola. Non mostrarlo a nessuno.",
		"Link non più valido", "Questo link è scaduto, è già stato usato o è stato sostituito. Chiedine uno nuovo al tuo amministratore.",
		"Account disabilitato", "Questo account è stato disabilitato. Rivolgiti al tuo amministratore.", "Apri di nuovo il link", "La pagina è rimasta aperta troppo a lungo. Apri di nuovo il link e premi il pulsante.",
		"Scheda di attivazione", "Installa l'app sul telefono.", "Inquadra il codice con la fotocamera del telefono, oppure apri l'indirizzo qui sotto.", "Tocca Apri nell'app.", "Valido fino al", "Per", "Numero",
		"%s: installa l'app per le chiamate sicure: %s", "%s: apri questo link sul telefono per attivare la linea, vale una volta: %s",
		"Installa l'app per le chiamate sicure", "Attiva la tua linea sicura", "Buongiorno", "Apri questo link sul telefono per installare l'app:", "Apri questo link sul telefono su cui è installata l'app. Vale una volta sola e per poco tempo:", "Non inoltrare questo messaggio: chi ha il link può usare la tua linea.",
	}
}

func french() words {
	return words{
		"Installez l'application", "Téléchargez l'application depuis le magasin de votre téléphone.", "App Store", "Google Play", "Scannez avec le téléphone", "Ouvrez cette page sur le téléphone qui doit recevoir l'application.",
		"Demandez l'application à votre administrateur.", "Après l'installation, ouvrez le lien d'activation que vous avez reçu.",
		"Activez votre téléphone", "Le téléphone recevra sa configuration de ce serveur et s'y attachera :", "Ouvrir dans l'application", "L'application doit déjà être installée sur ce téléphone.",
		"Une autre application ?", "Activez ici pour obtenir un code pour Linphone et les données pour toute autre application SIP. Le lien ne sert qu'une fois.", "Activer ici",
		"Activé", "Votre compte est actif. Cette page reste valable dix minutes.", "Linphone", "Dans l'application Linphone, choisissez de scanner un code QR et visez celui-ci.", "Ouvrir dans Linphone",
		"Données pour d'autres applications", "Utilisateur", "Mot de passe", "Serveur", "Domaine", "Transport", "Le code ne sert qu'une fois. Ne le montrez à personne.",
		"Lien non valable", "Ce lien a expiré, a déjà servi ou a été remplacé. Demandez-en un nouveau à votre administrateur.",
		"Compte désactivé", "Ce compte a été désactivé. Adressez-vous à votre administrateur.", "Ouvrez à nouveau le lien", "La page est restée ouverte trop longtemps. Ouvrez à nouveau le lien et appuyez sur le bouton.",
		"Fiche d'activation", "Installez l'application sur le téléphone.", "Scannez le code avec l'appareil photo du téléphone, ou ouvrez l'adresse ci-dessous.", "Touchez Ouvrir dans l'application.", "Valable jusqu'au", "Pour", "Numéro",
		"%s : installez l'application pour les appels securises : %s", "%s : ouvrez ce lien sur le telephone pour activer la ligne, une seule fois : %s",
		"Installez l'application d'appels sécurisés", "Activez votre ligne sécurisée", "Bonjour", "Ouvrez ce lien sur le téléphone pour installer l'application :", "Ouvrez ce lien sur le téléphone où l'application est installée. Il ne sert qu'une fois et peu de temps :", "Ne transférez pas ce message : qui a le lien peut utiliser votre ligne.",
	}
}

func spanish() words {
	return words{
		"Instala la aplicación", "Descarga la aplicación de la tienda de tu teléfono.", "App Store", "Google Play", "Escanea con el teléfono", "Abre esta página en el teléfono en el que quieres usar la aplicación.",
		"Pide la aplicación a tu administrador.", "Después de instalarla, abre el enlace de activación que recibiste.",
		"Activa tu teléfono", "El teléfono recibirá su configuración de este servidor y quedará unido a él:", "Abrir en la aplicación", "La aplicación debe estar instalada en este teléfono.",
		"¿Usas otra aplicación?", "Activa aquí y obtén un código para Linphone y los datos para cualquier otra aplicación SIP. El enlace vale una sola vez.", "Activar aquí",
		"Activado", "Tu cuenta está activa. Esta página vale durante diez minutos.", "Linphone", "En la aplicación Linphone elige escanear un código QR y apunta a este.", "Abrir en Linphone",
		"Datos para otras aplicaciones", "Usuario", "Contraseña", "Servidor", "Dominio", "Transporte", "El código funciona una sola vez. No lo muestres a nadie.",
		"Enlace no válido", "Este enlace ha caducado, ya se ha usado o se ha sustituido. Pide uno nuevo a tu administrador.",
		"Cuenta desactivada", "Esta cuenta ha sido desactivada. Habla con tu administrador.", "Abre el enlace otra vez", "La página ha estado abierta demasiado tiempo. Abre el enlace otra vez y pulsa el botón.",
		"Hoja de activación", "Instala la aplicación en el teléfono.", "Escanea el código con la cámara del teléfono, o abre la dirección de abajo.", "Toca Abrir en la aplicación.", "Válido hasta el", "Para", "Número",
		"%s: instala la aplicacion para llamadas seguras: %s", "%s: abre este enlace en el telefono para activar la linea, vale una vez: %s",
		"Instala la aplicación de llamadas seguras", "Activa tu línea segura", "Hola", "Abre este enlace en el teléfono para instalar la aplicación:", "Abre este enlace en el teléfono que tiene la aplicación. Vale una sola vez y por poco tiempo:", "No reenvíes este mensaje: quien tiene el enlace puede usar tu línea.",
	}
}

func german() words {
	return words{
		"App installieren", "Laden Sie die App aus dem Store Ihres Telefons.", "App Store", "Google Play", "Mit dem Telefon scannen", "Öffnen Sie diese Seite auf dem Telefon, das die App bekommen soll.",
		"Fragen Sie Ihre Administration nach der App.", "Öffnen Sie danach den Aktivierungslink, den Sie bekommen haben.",
		"Telefon aktivieren", "Das Telefon bekommt seine Einstellungen von diesem Server und bindet sich an ihn:", "In der App öffnen", "Die App muss auf diesem Telefon schon installiert sein.",
		"Eine andere App?", "Aktivieren Sie hier und erhalten Sie einen Code für Linphone und die Daten für jede andere SIP-App. Der Link gilt nur einmal.", "Hier aktivieren",
		"Aktiviert", "Ihr Konto ist aktiv. Diese Seite gilt zehn Minuten.", "Linphone", "Wählen Sie in der App Linphone das Scannen eines QR-Codes und halten Sie die Kamera hierauf.", "In Linphone öffnen",
		"Daten für andere Apps", "Benutzer", "Passwort", "Server", "Domain", "Transport", "Der Code gilt nur einmal. Zeigen Sie ihn niemandem.",
		"Link ungültig", "Dieser Link ist abgelaufen, schon benutzt oder ersetzt worden. Bitten Sie Ihre Administration um einen neuen.",
		"Konto gesperrt", "Dieses Konto wurde gesperrt. Wenden Sie sich an Ihre Administration.", "Link noch einmal öffnen", "Die Seite war zu lange offen. Öffnen Sie den Link noch einmal und drücken Sie den Knopf.",
		"Aktivierungsblatt", "Installieren Sie die App auf dem Telefon.", "Scannen Sie den Code mit der Kamera des Telefons, oder öffnen Sie die Adresse darunter.", "Tippen Sie auf In der App öffnen.", "Gültig bis", "Für", "Nummer",
		"%s: App für sichere Anrufe installieren: %s", "%s: Link auf dem Telefon öffnen, um die Leitung zu aktivieren, gilt einmal: %s",
		"App für sichere Anrufe installieren", "Ihre sichere Leitung aktivieren", "Guten Tag", "Öffnen Sie diesen Link auf dem Telefon, um die App zu installieren:", "Öffnen Sie diesen Link auf dem Telefon mit der App. Er gilt nur einmal und nur kurze Zeit:", "Leiten Sie diese Nachricht nicht weiter: Wer den Link hat, kann Ihre Leitung benutzen.",
	}
}

func english() words {
	return words{
		"Install the app", "Get the app from your phone's store.", "App Store", "Google Play", "Scan with your phone", "Open this page on the phone that is to have the app.",
		"Ask your administrator for the app.", "After that, open the activation link you were sent.",
		"Activate your phone", "Your phone will get its settings from this server and bind itself to it:", "Open in the app", "The app must be installed on this phone.",
		"Using another app?", "Activate here to get a code for Linphone and the details for any other SIP app. The link works once.", "Activate here",
		"Activated", "Your account is active. This page is good for ten minutes.", "Linphone", "In the Linphone app choose to scan a QR code and point the camera here.", "Open in Linphone",
		"Details for other apps", "User", "Password", "Server", "Domain", "Transport", "The code works once. Show it to nobody.",
		"This link is not valid", "It has expired, was used already or was replaced. Ask your administrator for a new one.",
		"Account disabled", "This account has been disabled. Ask your administrator.", "Open the link again", "The page was open for too long. Open the link again and press the button.",
		"Activation sheet", "Install the app on the phone.", "Scan the code with the phone's camera, or open the address below it.", "Tap Open in the app.", "Valid until", "For", "Number",
		"%s: install the app for secure calls: %s", "%s: open this link on your phone to activate your line, it works once: %s",
		"Install the app for secure calls", "Activate your secure line", "Hello", "Open this link on your phone to install the app:", "Open this link on the phone that has the app. It works once, and for a short time:", "Do not forward this message: who has the link can use your line.",
	}
}

// speak picks a language from Accept-Language (RFC 9110 section 12.5.4), the one with the highest weight that the
// product speaks, else def.
func speak(header string, def account.Language) account.Language {
	type choice struct {
		l account.Language
		q float64
	}
	var choices []choice
	if len(header) > 500 {
		header = header[:500]
	}
	for _, part := range strings.Split(header, ",") {
		tag, weight, _ := strings.Cut(strings.TrimSpace(part), ";")
		base, _, _ := strings.Cut(strings.ToLower(tag), "-")
		q, err := strconv.ParseFloat(strings.TrimPrefix(strings.TrimSpace(weight), "q="), 64)
		if err != nil {
			q = 1
		}
		if l := account.Language(base); l.Known() && q > 0 {
			choices = append(choices, choice{l, q})
		}
	}
	slices.SortStableFunc(choices, func(x, y choice) int { return cmp.Compare(y.q, x.q) })
	if len(choices) > 0 {
		return choices[0].l
	}
	if def.Known() {
		return def
	}
	return account.Languages()[0]
}
