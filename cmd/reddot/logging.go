package main

import (
	"fmt"
	"log/slog"

	"reddot/cmd/reddot/natsconn"
)

// logger is the log of a server, on standard error.
func (a *app) logger(cfg *logConfig) *slog.Logger {
	options := &slog.HandlerOptions{Level: slog.Level(cfg.level), ReplaceAttr: logged}
	if cfg.format == "json" {
		return slog.New(slog.NewJSONHandler(a.stderr, options))
	}
	return slog.New(slog.NewTextHandler(a.stderr, options))
}

// logged is an attribute as the log has it: without secrets, and with times that
// name their unit.
func logged(_ []string, a slog.Attr) slog.Attr {
	switch a.Value.Kind() {
	case slog.KindDuration:
		a.Value = slog.StringValue(a.Value.Duration().String())
	case slog.KindString:
		a.Value = slog.StringValue(natsconn.Scrubbed(a.Value.String()))
	case slog.KindAny:
		switch v := a.Value.Any().(type) {
		case error:
			a.Value = slog.StringValue(natsconn.Scrubbed(v.Error()))
		case fmt.Stringer:
			a.Value = slog.StringValue(natsconn.Scrubbed(v.String()))
		}
	}
	return a
}
