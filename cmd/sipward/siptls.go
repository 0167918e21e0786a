package main

import "crypto/tls"

// sipTLS is what phones meet on sip.tls and sip.wss. A certificate that a phone shows is checked in the handshake, chain and
// dates; who the phone is stays for its digest to prove. A session is resumed by the process that began it, hence under the
// same CAs, and not past its certificate's end; a CA that was taken out needs a restart, which makes new ticket keys.
func (n *node) sipTLS() (*tls.Config, error) {
	c := n.pair.Server()
	cas, err := pool("sip.client_ca", n.config.SIP.ClientCA)
	if err != nil || cas == nil {
		return c, err
	}
	c.ClientCAs, c.ClientAuth = cas, tls.VerifyClientCertIfGiven
	if n.config.SIP.ClientCert == "required" {
		c.ClientAuth = tls.RequireAndVerifyClientCert
	}
	return c, nil
}
