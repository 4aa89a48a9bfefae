package term

import (
	"errors"
	"math"
	"strings"

	"github.com/dustin/go-humanize"
)

// Size is a flag of bytes: a number with or without a unit, as 512MB or 1GiB.
type Size int64

// Set reads the flag.
func (s *Size) Set(text string) error {
	n, err := humanize.ParseBytes(strings.TrimSpace(text))
	if err != nil || n > math.MaxInt64 || strings.HasPrefix(strings.TrimSpace(text), "-") {
		return errors.New("use a number of bytes, or one with a unit, as 512MB or 1GiB")
	}
	*s = Size(n)
	return nil
}

// String is the flag's text.
func (s *Size) String() string {
	return strings.NewReplacer(".0 ", "", " ", "").Replace(humanize.IBytes(uint64(*s)))
}

// Type is the flag's type in the help.
func (s *Size) Type() string { return "size" }
