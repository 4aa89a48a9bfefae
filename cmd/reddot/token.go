package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"reddot/api/identity"
	"reddot/events"
)

func (a *app) tokenCommand() *cobra.Command {
	var file string
	ttl := time.Hour
	cmd := &cobra.Command{
		Use:     "token USER",
		GroupID: groupServer,
		Short:   "Make a user's token, for trials",
		Long: `Make a token (JWT, HS256) that lets a user in, and print it. It is signed with
the secret of the file of --auth (tokens.secret_file) and has its issuer and audience.
Where users have to log in somewhere anyway, let that make the tokens.`,
		Example: `  reddot token alice --ttl 1h --auth auth.json`,
		Args:    cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			if file == "" {
				return usagef("name the file of who may come in, with --auth or REDDOT_AUTH")
			}
			if err := events.CheckID("USER", args[0]); err != nil {
				return usageError{err}
			}
			authority, err := identity.Load(file, identity.Options{})
			if err != nil {
				return fmt.Errorf("--auth: %w", err)
			}
			token, err := authority.Mint(args[0], ttl)
			if errors.Is(err, identity.ErrLifetime) {
				return usagef("--ttl: %w", err)
			}
			if err != nil {
				return fmt.Errorf("--auth: %s: %w", file, err)
			}
			return a.print(token + "\n")
		},
	}
	cmd.Flags().DurationVar(&ttl, "ttl", ttl, "how long it lets in")
	cmd.Flags().StringVar(&file, "auth", "", "`file` of who may come in, as of serve")
	return cmd
}
