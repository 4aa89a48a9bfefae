package snapshot

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// SHA256 is a hash of bytes. Its text form is 64 lower-case hexadecimal digits.
type SHA256 [sha256.Size]byte

// String returns the text form.
func (s SHA256) String() string { return hex.EncodeToString(s[:]) }

// MarshalText implements encoding.TextMarshaler.
func (s SHA256) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (s *SHA256) UnmarshalText(text []byte) error {
	if len(text) != hex.EncodedLen(len(s)) || strings.ToLower(string(text)) != string(text) {
		return fmt.Errorf("%q is not a SHA-256 in lower-case hexadecimal", text)
	}
	_, err := hex.Decode(s[:], text)
	return err
}

const sumLine = "sha256 "

// seal returns the stored form of a document: JSON for people to read, then a
// line with the SHA-256 of all before that line.
func seal(document any) ([]byte, error) {
	body, err := json.MarshalIndent(document, "", " ")
	if err != nil {
		return nil, err
	}
	body = append(body, '\n')
	sum := sha256.Sum256(body)
	return fmt.Appendf(body, "%s%x\n", sumLine, sum), nil
}

// unseal reads a sealed document of a format up to newest. The line with the
// sum and the field "format" are what every format has, also those to come.
func unseal(data []byte, newest int, document any) error {
	var head struct {
		Format int `json:"format"`
	}
	at := len(data) - len(sumLine) - hex.EncodedLen(sha256.Size) - 1
	if at < 0 {
		return fmt.Errorf("%w: %d bytes are too short", ErrCorrupt, len(data))
	}
	if want := fmt.Sprintf("%s%x\n", sumLine, sha256.Sum256(data[:at])); string(data[at:]) != want {
		return fmt.Errorf("%w: its bytes do not have the SHA-256 that its last line says", ErrCorrupt)
	}
	if err := json.Unmarshal(data[:at], &head); err != nil {
		return fmt.Errorf("%w: %w", ErrCorrupt, err)
	}
	if head.Format > newest {
		return fmt.Errorf("format %d, this program knows formats up to %d: %w", head.Format, newest, ErrNewer)
	}
	if head.Format < 1 {
		return fmt.Errorf("%w: format %d", ErrCorrupt, head.Format)
	}
	if err := json.Unmarshal(data[:at], document); err != nil {
		return fmt.Errorf("%w: %w", ErrCorrupt, err)
	}
	return nil
}

// utc is a time as it is stored: without a zone and without a monotonic part,
// so that it compares with times of other machines.
func utc(t time.Time) time.Time { return t.UTC().Round(0) }
