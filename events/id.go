package events

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// Invalid is a command or a request that is refused. Its text is the reason,
// without the command's own bytes beyond what a reader needs.
type Invalid struct{ Reason string }

func (e *Invalid) Error() string { return e.Reason }

func invalid(reason string) error { return &Invalid{Reason: reason} }

// CheckID reports why s is not an id of a user, a group or a message: 1 to
// [MaxID] bytes of UTF-8 without NUL. what names the id in the error.
func CheckID(what, s string) error { return checkText(what, s, MaxID) }

// CheckLabel reports why s is not a label, or the name of a filter: 1 to
// [MaxLabel] bytes of UTF-8 without NUL.
func CheckLabel(what, s string) error { return checkText(what, s, MaxLabel) }

func checkText(what, s string, most int) error {
	switch {
	case s == "":
		return invalid(what + " is empty")
	case len(s) > most:
		return invalid(what + " is longer than " + strconv.Itoa(most) + " bytes")
	case strings.IndexByte(s, 0) >= 0:
		return invalid(what + " holds a NUL byte")
	case !utf8.ValidString(s):
		return invalid(what + " is not UTF-8")
	}
	return nil
}

const upperHex = "0123456789ABCDEF"

// escaped reports whether a byte is written %XX in a subject token.
func escaped(c byte) bool {
	return c <= ' ' || c == 0x7f || c == '%' || c == '.' || c == '*' || c == '>'
}

// EscapeToken writes an id as one subject token.
func EscapeToken(id string) string {
	n := 0
	for i := 0; i < len(id); i++ {
		if escaped(id[i]) {
			n++
		}
	}
	if n == 0 {
		return id
	}
	b := make([]byte, 0, len(id)+2*n)
	for i := 0; i < len(id); i++ {
		if c := id[i]; escaped(c) {
			b = append(b, '%', upperHex[c>>4], upperHex[c&15])
		} else {
			b = append(b, c)
		}
	}
	return string(b)
}

// UnescapeToken reads an id back from a subject token. It refuses every
// spelling but the one that EscapeToken writes.
func UnescapeToken(token string) (string, error) {
	if strings.IndexByte(token, '%') < 0 {
		for i := 0; i < len(token); i++ {
			if escaped(token[i]) {
				return "", invalid("subject token holds a byte that must be written %XX")
			}
		}
		return token, nil
	}
	b := make([]byte, 0, len(token))
	for i := 0; i < len(token); i++ {
		c := token[i]
		if c != '%' {
			if escaped(c) {
				return "", invalid("subject token holds a byte that must be written %XX")
			}
			b = append(b, c)
			continue
		}
		if i+2 >= len(token) {
			return "", invalid("subject token ends inside a %XX escape")
		}
		hi, lo := strings.IndexByte(upperHex, token[i+1]), strings.IndexByte(upperHex, token[i+2])
		if hi < 0 || lo < 0 {
			return "", invalid("subject token holds a % that is not followed by two upper-case hex digits")
		}
		c = byte(hi<<4 | lo)
		if !escaped(c) {
			return "", invalid("subject token escapes a byte that is written as it is")
		}
		b = append(b, c)
		i += 2
	}
	return string(b), nil
}
