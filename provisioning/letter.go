package provisioning

import (
	"bytes"
	"fmt"

	"sipward/internal/account"
	"sipward/internal/message"
)

// letter is what a message that carries a link says, in the account's language.
func (p *pages) letter(server string, acc account.Account, l account.Link, address string) (message.Content, error) {
	w := wordsOf(acc.Language)
	sms, subject, lead := w.SMSInstall, w.SubjectInstall, w.MailInstall
	if l.Purpose == account.ToActivate {
		sms, subject, lead = w.SMSActivate, w.SubjectActivate, w.MailActivate
	}
	if l.Channel == string(message.SMS) {
		return message.Content{Text: fmt.Sprintf(sms, server, address)}, nil
	}
	text := fmt.Sprintf("%s %s,\n\n%s\n\n%s\n\n%s\n\n%s\n", w.Hello, plainText(acc.Owner), lead, address, w.Keep, server)
	var b bytes.Buffer
	err := p.all.ExecuteTemplate(&b, "letter.html", page{W: w, Lang: acc.Language, Title: subject, Lead: lead, Server: server, Account: acc, Address: address})
	return message.Content{Subject: server + ": " + subject, Text: text, HTML: b.String(), QR: address}, err
}
