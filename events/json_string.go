package events

import (
	"slices"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// readString returns where a string ends, whose text it sets: a part of the
// input, unless it has escapes.
func (t *jsonTokens) readString(start int) (end int, err error) {
	in := t.in
	from, at, escapes := start+1, start+1, false
	for at < len(in) {
		switch c := in[at]; {
		case c == '"':
			t.text = in[from:at]
			if escapes {
				t.unescaped = append(t.unescaped, t.text...)
				t.text = t.unescaped
			}
			return at + 1, nil
		case c == '\\':
			r, size := unescape(in[at:])
			if size == 0 {
				return 0, unexpected(at)
			}
			if !escapes {
				t.unescaped, escapes = t.unescaped[:0], true
			}
			t.unescaped = utf8.AppendRune(append(t.unescaped, in[from:at]...), r)
			at += size
			from = at
		case c < ' ':
			return 0, unexpected(at)
		case c < utf8.RuneSelf:
			for at++; at < len(in) && ' ' <= in[at] && in[at] < utf8.RuneSelf && in[at] != '"' && in[at] != '\\'; {
				at++
			}
		default:
			r, size := utf8.DecodeRune(in[at:])
			if r == utf8.RuneError && size == 1 {
				return 0, unexpected(at)
			}
			at += size
		}
	}
	return 0, unexpected(len(in))
}

// unescape reads the escape that b begins with. Its size is 0 if it is none.
func unescape(b []byte) (r rune, size int) {
	if len(b) < 2 {
		return 0, 0
	}
	switch c := b[1]; c {
	case '"', '\\', '/':
		return rune(c), 2
	case 'b':
		return '\b', 2
	case 'f':
		return '\f', 2
	case 'n':
		return '\n', 2
	case 'r':
		return '\r', 2
	case 't':
		return '\t', 2
	}
	r, ok := unescapeUTF16(b)
	switch {
	case !ok:
		return 0, 0
	case !utf16.IsSurrogate(r):
		return r, 6
	}
	low, ok := unescapeUTF16(b[6:])
	if r = utf16.DecodeRune(r, low); !ok || r == utf8.RuneError {
		return 0, 0
	}
	return r, 12
}

// unescapeUTF16 reads \uXXXX.
func unescapeUTF16(b []byte) (r rune, ok bool) {
	if len(b) < 6 || b[0] != '\\' || b[1] != 'u' {
		return 0, false
	}
	unit, err := strconv.ParseUint(string(b[2:6]), 16, 16)
	return rune(unit), err == nil
}

// appendJSONString writes UTF-8 as a JSON string, with an escape only where
// JSON wants one: equal texts are equal bytes.
func appendJSONString(out []byte, s string) []byte {
	out = append(slices.Grow(out, len(s)+2), '"')
	from := 0
	for i := range len(s) {
		c := s[i]
		if c >= ' ' && c != '"' && c != '\\' {
			continue
		}
		out = append(out, s[from:i]...)
		from = i + 1
		switch c {
		case '"', '\\':
			out = append(out, '\\', c)
		case '\b':
			out = append(out, `\b`...)
		case '\f':
			out = append(out, `\f`...)
		case '\n':
			out = append(out, `\n`...)
		case '\r':
			out = append(out, `\r`...)
		case '\t':
			out = append(out, `\t`...)
		default:
			const hex = "0123456789abcdef"
			out = append(out, `\u00`...)
			out = append(out, hex[c>>4], hex[c&15])
		}
	}
	return append(append(out, s[from:]...), '"')
}
