package sms

import "net/http"

// Presets are the gateways we know, by name; what is configured beside the name replaces what is here.
func Presets() map[string]Template {
	form := map[string]string{"Content-Type": "application/x-www-form-urlencoded"}
	return map[string]Template{
		"twilio": {
			Method: http.MethodPost, Basic: true, Headers: form,
			URL:  "https://api.twilio.com/2010-04-01/Accounts/{{.User}}/Messages.json",
			Body: "To={{.To}}&From={{.From}}&Body={{.Text}}&StatusCallback={{.Callback}}",
			ID:   "sid", Reason: "message", ReceiptID: "MessageSid", ReceiptStatus: "MessageStatus", ReceiptTo: "To",
			Statuses: map[string]string{
				"accepted": "sent", "scheduled": "sent", "queued": "sent", "sending": "sent", "sent": "sent", "delivered": "delivered",
				"read": "delivered", "undelivered": "undelivered", "failed": "failed", "canceled": "rejected",
			},
		},
		"vonage": {
			Method: http.MethodPost, Headers: form, URL: "https://rest.nexmo.com/sms/json",
			Body: "api_key={{.User}}&api_secret={{.Password}}&from={{.From}}&to={{.Digits}}&text={{.Text}}&type={{.Type}}&client-ref={{.Ref}}&callback={{.Callback}}",
			OK:   "messages.0.status", OKIs: "0", Slow: "1", ID: "messages.0.message-id", Reason: "messages.0.error-text",
			ReceiptID: "messageId", ReceiptStatus: "status", ReceiptTo: "msisdn",
			Statuses: map[string]string{
				"accepted": "sent", "buffered": "sent", "delivered": "delivered", "expired": "expired", "failed": "failed",
				"rejected": "rejected", "unknown": "unknown",
			},
		},
		"46elks": {
			Method: http.MethodPost, Basic: true, Headers: form, URL: "https://api.46elks.com/a1/sms",
			Body: "from={{.From}}&to={{.To}}&message={{.Text}}&whendelivered={{.Callback}}",
			ID:   "id", ReceiptID: "id", ReceiptStatus: "status", Statuses: map[string]string{"delivered": "delivered", "failed": "failed"},
		},
		"kannel": {
			Method: http.MethodGet,
			URL: "http://127.0.0.1:13013/cgi-bin/sendsms?username={{.User}}&password={{.Password}}&from={{.From}}&to={{.To}}" +
				"&text={{.Text}}&charset=UTF-8&coding={{.Coding}}&dlr-mask=31&dlr-url={{.Callback}}%3Fid%3D{{.Ref}}%26status%3D%25d",
			ReceiptID: "id", ReceiptStatus: "status",
			Statuses: map[string]string{"1": "delivered", "2": "undelivered", "4": "sent", "8": "sent", "16": "rejected"},
		},
	}
}

// Over puts what is configured over a preset.
func (t Template) Over(preset Template) Template {
	for _, f := range []struct{ to, from *string }{
		{&preset.Method, &t.Method}, {&preset.URL, &t.URL}, {&preset.Body, &t.Body}, {&preset.OK, &t.OK}, {&preset.OKIs, &t.OKIs},
		{&preset.Slow, &t.Slow}, {&preset.ID, &t.ID}, {&preset.Reason, &t.Reason}, {&preset.ReceiptID, &t.ReceiptID},
		{&preset.ReceiptStatus, &t.ReceiptStatus}, {&preset.ReceiptTo, &t.ReceiptTo},
	} {
		if *f.from != "" {
			*f.to = *f.from
		}
	}
	if len(t.Headers) > 0 {
		preset.Headers = t.Headers
	}
	if len(t.Statuses) > 0 {
		preset.Statuses = t.Statuses
	}
	preset.Basic = preset.Basic || t.Basic
	return preset
}
