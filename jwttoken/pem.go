package jwttoken

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
)

// ParseKey is [NewKey] for a key in PEM, such as OpenSSL writes: one block, a
// public key ("PUBLIC KEY") or a private one that is not encrypted ("PRIVATE
// KEY", "EC PRIVATE KEY" or "RSA PRIVATE KEY"). HS256 has no PEM form. No error
// contains a part of text.
func ParseKey(alg Algorithm, text []byte, id string) (Key, error) {
	block, rest := pem.Decode(text)
	switch {
	case alg == HS256:
		return Key{}, errors.New("jwttoken: parse key: HS256 has no PEM form; use NewKey")
	case block == nil:
		return Key{}, errors.New("jwttoken: parse key: there is no PEM block")
	case len(bytes.TrimSpace(rest)) > 0:
		return Key{}, errors.New("jwttoken: parse key: there is more than one PEM block")
	}
	key, err := parseDER(block.Type, block.Bytes)
	if err != nil {
		return Key{}, fmt.Errorf("jwttoken: parse key: %w", err)
	}
	return NewKey(alg, key, id)
}

func parseDER(kind string, der []byte) (key any, err error) {
	switch kind {
	case "PUBLIC KEY":
		key, err = x509.ParsePKIXPublicKey(der)
	case "PRIVATE KEY":
		key, err = x509.ParsePKCS8PrivateKey(der)
	case "EC PRIVATE KEY":
		key, err = x509.ParseECPrivateKey(der)
	case "RSA PRIVATE KEY":
		key, err = x509.ParsePKCS1PrivateKey(der)
	default:
		return nil, errors.New("the PEM block is neither a public nor a private key")
	}
	if err != nil {
		return nil, errors.New("the PEM block is malformed") // the parser's own error may quote it
	}
	return key, nil
}
