package snom

import "sipward/internal/device"

// Renew seals a phone's secrets anew under the newest root key and reports whether that was needed.
func (s *Service) Renew(p *device.Phone) bool {
	var token, admin bool
	p.Sealed, token = s.Devices.Renew("phone token/"+string(p.MAC), p.Sealed)
	p.Admin, admin = s.Devices.Renew("phone admin/"+string(p.MAC), p.Admin)
	return token || admin
}
