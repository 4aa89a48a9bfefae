package main

import (
	"errors"
	"strconv"
	"strings"

	"github.com/spf13/pflag"

	"reddot/events"
)

// seqs is a flag that names commands: one, or several with commas or by being
// given several times.
type seqs []events.Seq

// addSkip adds the flag that has a reader of the log pass commands over.
func (s *seqs) addSkip(f *pflag.FlagSet) {
	f.Var(s, "skip-seq", "pass over the command with this `seq` if the stream has it and can't read it, whatever it did; nothing that can be read is passed over")
}

// String is the flag's text.
func (s *seqs) String() string { return seqList(*s) }

func seqList(all []events.Seq) string {
	var text []string
	for _, seq := range all {
		text = append(text, strconv.FormatUint(uint64(seq), 10))
	}
	return strings.Join(text, ",")
}

// Type is the flag's type in the help.
func (s *seqs) Type() string { return "seq" }

// Set reads the flag.
func (s *seqs) Set(text string) error {
	for one := range strings.SplitSeq(text, ",") {
		n, err := strconv.ParseUint(strings.TrimSpace(one), 10, 64)
		if err != nil || n == 0 {
			return errors.New("use the seq of a command, as 4711")
		}
		*s = append(*s, events.Seq(n))
	}
	return nil
}
