package phone

import (
	"net/netip"

	"sipward/media"
)

// lease takes RTP ports on the address of the signalling.
func (p *Phone) lease(ip netip.Addr) (*media.Lease, error) {
	ports, err := media.NewPorts(ip, 30000, 39999)
	if err != nil {
		return nil, err
	}
	return ports.Lease()
}

func (a *Audio) beginLocked() {}

func (a *Audio) stop() {}
