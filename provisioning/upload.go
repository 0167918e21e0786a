package provisioning

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"sipward/internal/account"
	"sipward/internal/web"
)

// nonceTime is how long a nonce is good; it is no more than a guard against signatures made in advance, for a
// permission is used up by the upload itself.
const nonceTime = 5 * time.Minute

// nonce gives out what an upload must sign: a time, 16 random bytes, and an HMAC that binds both to the account.
func (k *KeyDirectory) nonce(c *gin.Context) error {
	a, _, err := k.Devices.Who(c)
	if err == nil {
		err = a.May(account.UploadKey)
	}
	if err != nil {
		return err
	}
	head := binary.BigEndian.AppendUint64(nil, uint64(k.Now().UnixMilli()))
	random := make([]byte, 16)
	_, _ = rand.Read(random) // never fails since Go 1.24
	head = append(head, random...)
	nonce := base64.RawURLEncoding.EncodeToString(append(head, k.sum(a.ID, head)...))
	c.JSON(http.StatusOK, map[string]any{"nonce": nonce, "expires_in": int(nonceTime.Seconds())})
	return nil
}

func (k *KeyDirectory) sum(id account.ID, head []byte) []byte {
	m := hmac.New(sha256.New, k.NonceKey)
	m.Write(head)
	m.Write([]byte(id))
	return m.Sum(nil)
}

// fresh reports whether a nonce is one that this server gave the account within its time.
func (k *KeyDirectory) fresh(id account.ID, nonce string) bool {
	const headSize = 8 + 16
	b, err := base64.RawURLEncoding.DecodeString(nonce)
	if err != nil || len(b) != headSize+sha256.Size || !hmac.Equal(b[headSize:], k.sum(id, b[:headSize])) {
		return false
	}
	age := k.Now().Sub(time.UnixMilli(int64(binary.BigEndian.Uint64(b))))
	return age > -time.Minute && age < nonceTime
}

type uploadBody struct {
	Certificate string `json:"certificate"` // DER in base64, or PEM
	Nonce       string `json:"nonce"`
	Signature   []byte `json:"signature"` // of UploadStatement by the certificate's private key
}

// UploadStatement is what a phone signs to show that it has the private key.
func UploadStatement(id account.ID, nonce, fingerprint string) []byte {
	return []byte("sipward key upload\n" + string(id) + "\n" + nonce + "\n" + fingerprint)
}

// put takes a certificate whose private key the phone has, if something permits it.
func (k *KeyDirectory) put(c *gin.Context) error {
	a, device, err := k.Devices.Who(c)
	if err != nil {
		return err
	}
	if err := a.May(account.UploadKey); err != nil {
		return err
	}
	var b uploadBody
	if err := web.Bind(c, &b); err != nil {
		return err
	}
	cert, fingerprint, err := k.check(a.ID, b)
	if err != nil {
		return err
	}
	a, err = k.Keys.Put(c.Request.Context(), a.ID, device.ID, fingerprint, cert.Raw)
	if err != nil {
		return uploadRefusal(err)
	}
	shown, err := k.proven(c.Request.Context(), a)
	if err != nil {
		return err
	}
	c.JSON(http.StatusOK, shown)
	return nil
}

func uploadRefusal(err error) error {
	switch {
	case errors.Is(err, account.ErrNoGrant):
		return web.Refusal(http.StatusForbidden, "no_grant", "No key is accepted now", account.ErrNoGrant.Error())
	case errors.Is(err, account.ErrRevokedKey):
		return web.Refusal(http.StatusConflict, "revoked_key", "This key was revoked", account.ErrRevokedKey.Error())
	}
	return err
}

// check reads the certificate, tells what is wrong with it, and has the signature prove that the phone has the key.
func (k *KeyDirectory) check(id account.ID, b uploadBody) (*x509.Certificate, string, error) {
	bad := func(pointer, code, message string) error {
		return web.Faults{{Pointer: pointer, Code: code, Message: message}}.Err()
	}
	der, ok := certificateBytes(b.Certificate)
	if !ok || len(der) > account.MaxCertificate {
		return nil, "", bad("/certificate", "form", "must be one X.509 certificate, DER in base64 or PEM, of at most 4096 bytes, and never a private key")
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, "", bad("/certificate", "form", "is no X.509 certificate")
	}
	algorithm, err := algorithmOf(cert)
	if err != nil {
		return nil, "", bad("/certificate", "key_type", err.Error())
	}
	if now := k.Now(); now.Before(cert.NotBefore.Add(-time.Hour)) || !now.Before(cert.NotAfter) {
		return nil, "", bad("/certificate", "expired", "is not valid now: compare the phone's clock, or make a new one")
	}
	if !k.fresh(id, b.Nonce) {
		return nil, "", bad("/nonce", "nonce", "is not one of this account, or too old: get one with POST /v1/keys/nonces")
	}
	sum := sha256.Sum256(cert.RawSubjectPublicKeyInfo)
	fingerprint := hex.EncodeToString(sum[:])
	if cert.CheckSignature(algorithm, UploadStatement(id, b.Nonce, fingerprint), b.Signature) != nil {
		return nil, "", bad("/signature", "signature", "is not by the certificate's private key over the nonce")
	}
	return cert, fingerprint, nil
}

// certificateBytes reads base64 or PEM; a PEM text that is anything but a single certificate is refused.
func certificateBytes(s string) ([]byte, bool) {
	if !strings.Contains(s, "-----BEGIN") {
		der, err := base64.StdEncoding.DecodeString(s)
		return der, err == nil && len(der) > 0
	}
	block, rest := pem.Decode([]byte(s))
	if block == nil || block.Type != "CERTIFICATE" || len(strings.TrimSpace(string(rest))) > 0 {
		return nil, false
	}
	return block.Bytes, true
}

// algorithmOf is how a key signs here; weak and unusual kinds are refused.
func algorithmOf(cert *x509.Certificate) (x509.SignatureAlgorithm, error) {
	switch key := cert.PublicKey.(type) {
	case ed25519.PublicKey:
		return x509.PureEd25519, nil
	case *ecdsa.PublicKey:
		if key.Curve.Params().BitSize >= 256 {
			return x509.ECDSAWithSHA256, nil
		}
	case *rsa.PublicKey:
		if key.N.BitLen() >= 2048 && key.N.BitLen() <= 8192 {
			return x509.SHA256WithRSAPSS, nil
		}
	}
	return 0, errors.New("has a key of an unaccepted kind: want Ed25519, ECDSA P-256 or above, or RSA of 2048 to 8192 bits")
}
