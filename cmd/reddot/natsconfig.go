package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/nats-io/nkeys"
	"github.com/spf13/cobra"

	"reddot/cmd/reddot/server"
)

// natsConfig is what a NATS server needs that asks reddot who connects.
const natsConfig = `# Include this in the configuration of each NATS server.
accounts {
  %[1]s: {
    jetstream: enabled
    users: [{user: reddot, password: $REDDOT_PASSWORD}]
  }
}
authorization {
  timeout: 5
  auth_callout {
    account: %[1]s
    auth_users: [reddot]
    issuer: %[2]s
  }
}
`

func (a *app) natsConfigCommand() *cobra.Command {
	var seed string
	cmd := &cobra.Command{
		Use:     "nats-config",
		GroupID: groupServer,
		Short:   "Print what a NATS server of your own needs to ask reddot who connects",
		Long: `Print the part of a NATS server's configuration that has it ask reddot who somebody
is who connects with a key or a token, and what they may do. reddot itself connects with
a password, which the NATS server takes from its environment, and answers with
"serve --nats URL --auth FILE --auth-callout SEEDFILE". A seed file that is not there is
made.`,
		Example: `  reddot nats-config --auth-callout callout.seed > reddot.conf`,
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if seed == "" {
				return usagef("name the file of the seed, with --auth-callout")
			}
			if err := makeSeed(seed); err != nil {
				return fmt.Errorf("--auth-callout: %w", err)
			}
			key, err := server.ReadSeed(seed)
			if err != nil {
				return fmt.Errorf("--auth-callout: %w", err)
			}
			public, err := key.PublicKey()
			if err != nil {
				return fmt.Errorf("--auth-callout: %w", err)
			}
			return a.print(fmt.Sprintf(natsConfig, server.CalloutAccount, public))
		},
	}
	cmd.Flags().StringVar(&seed, "auth-callout", "", "`file` of the seed of an account's NATS key, as of serve")
	return cmd
}

// makeSeed makes a seed of an account's key, unless the file is there.
func makeSeed(path string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	key, err := nkeys.CreateAccount()
	var seed []byte
	if err == nil {
		seed, err = key.Seed()
	}
	if err == nil {
		_, err = f.Write(append(seed, '\n'))
	}
	return errors.Join(err, f.Close())
}
