package main

import (
	"github.com/spf13/pflag"

	"reddot/api"
	"reddot/api/gate"
	"reddot/events"
)

// gateConfig is the part of serve's command line about what others may ask for.
type gateConfig struct {
	userRate      int      // commands a second of one user; 0: any number
	replyPrefixes []string // answered at, beside inboxes
}

func (cfg *gateConfig) addFlags(f *pflag.FlagSet) {
	f.IntVar(&cfg.userRate, "user-rate", gate.DefaultRate, "`commands` a second that a user may ask for, three times as many at once; 0 for any number")
	f.StringArrayVar(&cfg.replyPrefixes, "reply-prefix", nil, "`beginning` of reply subjects that are answered, beside _INBOX, _R_. and the inboxes of users; may be repeated")
}

// rate is the user rate as the gate wants it.
func (cfg *gateConfig) rate() int {
	if cfg.userRate == 0 {
		return -1
	}
	return cfg.userRate
}

// validate reports a usageError.
func (cfg *gateConfig) validate(prefix string) error {
	const mostRate = 1_000_000
	if cfg.userRate < 0 || cfg.userRate > mostRate {
		return usagef("--user-rate %d: use 1 to %d commands a second, or 0 for any number", cfg.userRate, mostRate)
	}
	subjects, err := events.NewSubjects(prefix)
	if err != nil {
		return usagef("--prefix: %w", err)
	}
	for _, p := range cfg.replyPrefixes {
		if err := api.CheckReplyPrefix(subjects, p); err != nil {
			return usagef("--reply-prefix: %w", err)
		}
	}
	return nil
}
