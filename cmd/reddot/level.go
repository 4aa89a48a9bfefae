package main

import (
	"errors"
	"log/slog"
	"strings"
)

// level is a flag that names a level of the log.
type level slog.Level

// Set reads the flag.
func (l *level) Set(text string) error {
	for _, known := range []slog.Level{slog.LevelDebug, slog.LevelInfo, slog.LevelWarn, slog.LevelError} {
		if strings.EqualFold(text, known.String()) {
			*l = level(known)
			return nil
		}
	}
	return errors.New("use debug, info, warn or error")
}

// String is the flag's text.
func (l *level) String() string { return strings.ToLower(slog.Level(*l).String()) }

// Type is the flag's type in the help.
func (l *level) Type() string { return "level" }
