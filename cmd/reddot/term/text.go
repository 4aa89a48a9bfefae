package term

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"

	"reddot/events"
)

// Number shows a count or a sequence.
func Number[N ~uint64](n N) string { return strconv.FormatUint(uint64(n), 10) }

// Grouped shows a number with commas between the thousands.
func Grouped(n int64) string {
	s := strconv.FormatInt(n, 10)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// Several counts things: "1 command", "2 commands".
func Several[N ~int64 | ~uint64](n N, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}

// OfTotal says how far something is: "2 of 3 commands folded", or once that is
// all of it "3 commands folded". A negative total is not known.
func OfTotal(at, total int64, unit string) string {
	switch {
	case total > at:
		return fmt.Sprintf("%s of %s %s", Grouped(at), Grouped(total), unit)
	case at == 1:
		return "1 " + singular(unit)
	}
	return Grouped(at) + " " + unit
}

// singular is a unit of one, as "command folded" of "commands folded".
func singular(unit string) string {
	word, rest, _ := strings.Cut(unit, " ")
	return strings.TrimSpace(strings.TrimSuffix(word, "s") + " " + rest)
}

// Yes shows a flag that is set.
func Yes(set bool) string {
	if set {
		return "yes"
	}
	return ""
}

// Clock shows a time to the millisecond, or nothing for none.
func Clock(t events.Time, zone *time.Location) string {
	if t == 0 {
		return ""
	}
	return time.UnixMilli(int64(t)).In(zone).Format("2006-01-02T15:04:05.000Z07:00")
}

// Printable shows an id. Ids may hold anything but NUL, so one that could
// move the cursor or pass for another column is quoted.
func Printable(id string) string {
	for _, r := range id {
		if !unicode.IsPrint(r) {
			return strconv.QuoteToGraphic(id)
		}
	}
	if strings.TrimSpace(id) != id || strings.Contains(id, "  ") {
		return strconv.Quote(id)
	}
	return id
}
