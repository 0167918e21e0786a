package snom

import (
	"regexp"

	"sipward/internal/device"
)

// Agent is what a phone says of itself in User-Agent; nothing of it proves anything.
type Agent struct {
	Model    string // snomD785
	Firmware string // 10.1.33.33
	MAC      device.MAC
}

var (
	reSIP  = regexp.MustCompile(`(?i)\bsnom[ ]?([a-z0-9]{2,8})-SIP\s+([0-9.]{3,24})`)
	reLine = regexp.MustCompile(`(?i)\bsnom[ ]?([a-z0-9]{2,8})/([0-9.]{3,24})`) // as in SIP
	reLid  = regexp.MustCompile(`(?i)\bsnom lid ([0-9]{2,6})`)
	reMAC  = regexp.MustCompile(`(?i)\b0004[0-9a-f]{8}\b`)
)

// ParseAgent reads the User-Agent of a phone, by whatever generation of firmware it was written.
func ParseAgent(s string) (a Agent) {
	if len(s) > 512 {
		return a
	}
	if m := reSIP.FindStringSubmatch(s); m != nil {
		a.Model, a.Firmware = "snom"+m[1], m[2]
	} else if m := reLine.FindStringSubmatch(s); m != nil {
		a.Model, a.Firmware = "snom"+m[1], m[2]
	} else if m := reLid.FindStringSubmatch(s); m != nil {
		a.Model, a.Firmware = "snom", "lid "+m[1]
	}
	if all := reMAC.FindAllString(s, -1); a.Model != "" && len(all) > 0 {
		a.MAC, _ = device.ParseMAC(all[len(all)-1]) // the expression lets nothing else through
	}
	return a
}
