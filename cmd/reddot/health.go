package main

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"reddot/cmd/reddot/server"
	"reddot/cmd/reddot/term"
)

// maxHealth is what is read of an answer about health, in bytes.
const maxHealth = 4 << 10

func (a *app) healthCommand() *cobra.Command {
	var addr string
	var alive, secure bool
	var timeout time.Duration
	cmd := &cobra.Command{
		Use:     "health",
		GroupID: groupServer,
		Short:   "Ask a server whether it is ready",
		Long: `Ask the HTTP listener of a server whether commands are accepted and queries answered,
as a container's health check does. Exits with 0 if so, else with 1 and the reason, as far
as the server tells it.`,
		Example: `  reddot health
  reddot health --http 127.0.0.1:8480 --alive`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, cancel := context.WithTimeout(cmd.Context(), timeout)
			defer cancel()
			scheme, path := "http", "/readyz"
			if secure {
				scheme = "https"
			}
			if alive {
				path = "/healthz"
			}
			said, err := askHealth(ctx, scheme+"://"+addr+path)
			if err != nil {
				return err
			}
			return a.print(said + "\n")
		},
	}
	f := cmd.Flags()
	f.StringVar(&addr, "http", server.Default().HTTP, "`address` of the server's HTTP listener")
	f.BoolVar(&alive, "alive", false, "ask only whether the process lives")
	f.BoolVar(&secure, "tls", false, "the listener has a certificate, which is not checked: it may be of another name than this address")
	f.DurationVar(&timeout, "timeout", 3*time.Second, "longest wait for the answer")
	return cmd
}

// askHealth returns what a server says of its health; an error if it is not well.
func askHealth(ctx context.Context, url string) (string, error) {
	ask, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return "", usageError{err}
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, DisableKeepAlives: true}
	reply, err := (&http.Client{Transport: transport}).Do(ask)
	if err != nil {
		return "", fmt.Errorf("no reddot answers: %w", err)
	}
	defer reply.Body.Close()
	body, err := io.ReadAll(io.LimitReader(reply.Body, maxHealth))
	if err != nil {
		return "", fmt.Errorf("read the answer of %s: %w", url, err)
	}
	said := term.Printable(strings.ReplaceAll(strings.TrimSpace(string(body)), "\n", "; "))
	if reply.StatusCode != http.StatusOK {
		return "", errors.New(cmp.Or(said, reply.Status))
	}
	return said, nil
}
