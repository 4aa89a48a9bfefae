package events

import (
	"errors"
	"fmt"
	"testing"

	"reddot/projector/testkit"
)

// TestCodes: the codes, their words and their errors, and none is without a
// word.
func TestCodes(t *testing.T) {
	for code, word := range map[Code]string{
		400: "bad_request", 403: "forbidden", 404: "not_found", 408: "not_applied", 429: "rate_limited", 503: "unavailable",
	} {
		read, err := ParseCode(code.String())
		if err != nil || read != code || code.Word() != word {
			t.Errorf("%d: read as %v (%v), word %q, want %q", uint16(code), read, err, code.Word(), word)
		}
		if !errors.Is(fmt.Errorf("ask: %w", read), code) || errors.Is(read, ErrBadRequest) != (code == 400) {
			t.Errorf("%s is not found in what wraps it, or another one is", code)
		}
	}
	if declared := testkit.Constants(t, "fault.go", "Err"); len(declared) != len(codeTable) {
		t.Errorf("the codes are %v, %d are in the table", declared, len(codeTable))
	}
	for code, row := range codeTable {
		if row.word == "" || row.text == "" || code.Error() != row.text {
			t.Errorf("%s has the word %q and the text %q", code, row.word, code.Error())
		}
	}
	if unknown := Code(500); unknown.Word() != "" || unknown.Error() != "error 500" {
		t.Errorf("an unknown code has the word %q and the text %q", unknown.Word(), unknown.Error())
	}
	for _, s := range []string{"", "-1", "4O4", "65536"} {
		if code, err := ParseCode(s); err == nil || code.Word() != "" {
			t.Errorf("%q is read as %v", s, code)
		}
	}
}
