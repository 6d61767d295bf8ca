package gateway

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/modgate/modgate/core/config"
	"github.com/modgate/modgate/core/store"
)

// Names of the files in the data directory that hold secrets, mode 0600.
const (
	adminTokenFile = "admin-token"
	joinSecretFile = "join-secret"
)

// secretSpace is the space of the store for the gateway's own keys.
const secretSpace = "gateway"

// secretFile returns the secret that the file holds. Without the file it
// makes both, for the owner's eyes only (I2).
func secretFile(dir, name string) (string, error) {
	path := filepath.Join(dir, name)
	text, err := os.ReadFile(path)
	if err == nil {
		if secret := strings.TrimSpace(string(text)); len(secret) >= 16 {
			return secret, nil
		}
		return "", fmt.Errorf("%s holds no secret of at least 16 characters: remove it to have a new one made", path)
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("read secret: %w", err)
	}
	secret := base64.RawURLEncoding.EncodeToString(randomBytes(32))
	return secret, writeSecret(path, secret)
}

// withJoinSecret gives a configuration that has no general join secret that of
// the data directory (I1).
func withJoinSecret(cfg *config.Config, dir string) error {
	if cfg.Gateway.JoinSecret != "" {
		return nil
	}
	secret, err := secretFile(dir, joinSecretFile)
	cfg.Gateway.JoinSecret = config.Secret(secret)
	return err
}

// writeSecret writes a file that is whole or not there, even after a crash.
func writeSecret(path, secret string) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".secret-*") // mode 0600
	if err != nil {
		return fmt.Errorf("write secret: %w", err)
	}
	defer os.Remove(f.Name()) // gone after the rename
	if _, err = f.WriteString(secret + "\n"); err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return fmt.Errorf("write secret: %w", err)
	}
	return nil
}

// runKey returns the key that signs Modgate-Run and the webhook secrets. It
// survives restarts (G6).
func runKey(s store.Store) ([]byte, error) {
	entries, err := s.Load(secretSpace)
	if err != nil {
		return nil, fmt.Errorf("load run key: %w", err)
	}
	for _, e := range entries {
		if e.Key == "run-key" {
			return e.Value, nil
		}
	}
	key := randomBytes(32)
	if _, err := s.Swap(secretSpace, "run-key", key, 0); err != nil {
		return nil, fmt.Errorf("save run key: %w", err)
	}
	return key, nil
}

func randomBytes(n int) []byte {
	b := make([]byte, n)
	rand.Read(b) // never fails
	return b
}

func hash(secret string) [32]byte { return sha256.Sum256([]byte(secret)) }
