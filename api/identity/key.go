package identity

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math/big"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// keyPrefix begins every API key.
const keyPrefix = "rdk_"

const (
	keyBytes = 32
	keyChars = 43 // of base 62 that these take
)

// NewKey makes an API key with 256 bits of entropy, and the entry of it that the file
// holds.
func NewKey(name string, role Role, rate float64) (key string, e Entry, err error) {
	var secret [keyBytes]byte
	rand.Read(secret[:])
	digits := new(big.Int).SetBytes(secret[:]).Text(62)
	key = keyPrefix + strings.Repeat("0", keyChars-len(digits)) + digits
	sum := sha256.Sum256([]byte(key))
	e = Entry{Name: name, Role: role.String(), SHA256: hex.EncodeToString(sum[:]), Rate: rate}
	_, _, err = e.understand()
	return key, e, err
}

// String is the entry as it stands in the file.
func (e Entry) String() string {
	b, err := json.Marshal(e)
	if err != nil {
		return fmt.Sprintf("%+v", struct{ Entry }{e})
	}
	return string(b)
}

func marshal(f *file) ([]byte, error) {
	b, err := json.Marshal(f, jsontext.WithIndent("  "))
	return append(b, '\n'), err
}

// goneFrom returns the names of keys that another file does not have as this one has.
func (c *config) goneFrom(next *config) (names []string) {
	for digest, id := range c.keys {
		if next.keys[digest].Name != id.Name || next.keys[digest].Role != id.Role {
			names = append(names, id.Name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// byKey finds a key by its digest: what a guess is compared with has nothing to do with
// how far it is right.
func (c *config) byKey(credential string) (Identity, error) {
	id, ok := c.keys[sha256.Sum256([]byte(credential))]
	if !ok {
		return Identity{}, &Refusal{Method: ByKey, Outcome: Invalid, Reason: "no such key in the file"}
	}
	return id, nil
}
