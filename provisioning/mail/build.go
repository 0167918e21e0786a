package mail

import (
	"bytes"
	"fmt"
	"time"

	gomail "github.com/wneessen/go-mail"

	"sipward/internal/message"
	"sipward/provisioning/qr"
)

// qrScale is the pixels of one module of the QR picture.
const qrScale = 6

// build makes the e-mail of a message; go-mail encodes every header.
func build(m message.Message, from, host string) (*gomail.Msg, error) {
	e := gomail.NewMsg(gomail.WithNoDefaultUserAgent())
	if err := e.From(from); err != nil {
		return nil, fmt.Errorf("mail.from %q is no address: %w", from, err)
	}
	if err := e.To(m.To); err != nil {
		return nil, message.ErrRecipient
	}
	e.Subject(m.Content.Subject)
	e.SetMessageIDWithValue(string(m.ID) + "@" + host)
	e.SetDateWithValue(sentAt(m))
	e.SetGenHeader("Auto-Submitted", "auto-generated") // RFC 3834 section 5
	e.SetGenHeader("X-Auto-Response-Suppress", "All")
	e.SetBodyString(gomail.TypeTextPlain, m.Content.Text)
	if m.Content.HTML == "" {
		return e, nil
	}
	e.AddAlternativeString(gomail.TypeTextHTML, m.Content.HTML)
	if m.Content.QR == "" {
		return e, nil
	}
	code, err := qr.Encode(m.Content.QR)
	if err != nil {
		return nil, fmt.Errorf("QR picture: %w", err)
	}
	png, err := code.PNG(qrScale)
	if err != nil {
		return nil, fmt.Errorf("QR picture: %w", err)
	}
	return e, e.EmbedReader("qr.png", bytes.NewReader(png), gomail.WithFileContentID("<qr.png>"), gomail.WithFileContentType("image/png"))
}

// sentAt is the same for every attempt.
func sentAt(m message.Message) time.Time {
	if m.Created.IsZero() {
		return time.Now()
	}
	return m.Created
}
