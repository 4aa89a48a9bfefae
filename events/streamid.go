package events

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"
)

// StreamID identifies a command stream: its name, and when its log was
// begun. A stream that was deleted and created again has the same name, but not
// the same identity; one that was restored from a backup has both.
type StreamID struct {
	Name    string    `json:"name"`
	Created time.Time `json:"created"`
}

// Equal reports whether both are the same stream.
func (s StreamID) Equal(o StreamID) bool { return s.Name == o.Name && s.Created.Equal(o.Created) }

// String names the stream for people.
func (s StreamID) String() string {
	return fmt.Sprintf("%s created %s", s.Name, s.Created.UTC().Format(time.RFC3339Nano))
}

// Epoch names the stream in ETags and cursors: 12 hexadecimal digits, others for any
// other stream.
func (s StreamID) Epoch() string {
	sum := sha256.Sum256([]byte(s.Name + "\x00" + s.Created.UTC().Format(time.RFC3339Nano)))
	return hex.EncodeToString(sum[:6])
}
