package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/passbearer/passbearer/jwttoken"
)

// loadKeys reads the signing keys, and the secret of refresh tokens and of the
// throttle, which are beside the database and made when they are missing. In
// production they belong apart from it: whoever steals both can sign in as anybody.
func loadKeys(db string) (keys *jwttoken.Keys, secret []byte, err error) {
	signing, err := loadOrCreate(db+".signing.pem", newSigningKey)
	if err != nil {
		return nil, nil, err
	}
	secret, err = loadOrCreate(db+".refresh.key", newSecret)
	if err != nil {
		return nil, nil, err
	}
	key, err := jwttoken.ParseKey(jwttoken.ES256, signing, "")
	if err != nil {
		return nil, nil, err
	}
	keys, err = jwttoken.NewKeys(key)
	return keys, secret, err
}

func newSigningKey() ([]byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), err
}

func newSecret() ([]byte, error) {
	secret := make([]byte, 32)
	rand.Read(secret)
	return secret, nil
}

// loadOrCreate writes a file of its own and links it, so that of several processes
// that start at once one wins, and none reads half of a key.
func loadOrCreate(path string, make func() ([]byte, error)) ([]byte, error) {
	text, err := os.ReadFile(path)
	if err == nil || !errors.Is(err, fs.ErrNotExist) {
		return text, err
	}
	if text, err = make(); err != nil {
		return nil, err
	}
	file, err := os.CreateTemp(filepath.Dir(path), ".key-*") // with mode 0600
	if err != nil {
		return nil, err
	}
	defer os.Remove(file.Name())
	_, err = file.Write(text)
	if err = errors.Join(err, file.Sync(), file.Close()); err != nil {
		return nil, fmt.Errorf("write %s: %w", path, err)
	}
	if err := os.Link(file.Name(), path); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, err
	}
	return os.ReadFile(path)
}
