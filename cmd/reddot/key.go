package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/spf13/cobra"

	"reddot/api/identity"
)

func (a *app) keyCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "key",
		GroupID: groupServer,
		Short:   "Make API keys for programs",
		Long: `An API key lets a program in: a chat back end, a dashboard, an operator's shell. It is
shown once, when it is made; the file of --auth holds its SHA-256 alone. Two keys of one
name may be valid at once, so that one can replace the other. To end a key remove its
entry from the file and send SIGHUP to the server.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(a.keyNew())
	return cmd
}

func (a *app) keyNew() *cobra.Command {
	var role, name, file string
	var rate float64
	cmd := &cobra.Command{
		Use:   "new",
		Short: "Make an API key, and add it to the file of --auth",
		Long: `Make an API key and print it: it is stored nowhere. With --auth (or REDDOT_AUTH) its
entry is added to that file, which is made if it is not there; a server that runs reads
it again on SIGHUP. Without --auth the entry is printed below the key.

The roles:
  backend   sends commands and asks about anybody
  viewer    asks about anybody
  operator  a viewer who may also rebuild and take snapshots
  metrics   reads /metrics`,
		Example: `  reddot key new --role backend --name chat --auth auth.json
  reddot key new --role viewer --name grafana`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			r, err := identity.ParseRole(role)
			if err != nil {
				return usagef("--%w", err)
			}
			key, entry, err := identity.NewKey(name, r, rate)
			if err != nil {
				return usagef("--%w", err)
			}
			if file == "" {
				return a.print(key + "\n" + entry.String() + "\n")
			}
			if err := addEntry(file, entry); err != nil {
				return err
			}
			fmt.Fprintf(a.stderr, "added to %s; a server that runs reads it again on SIGHUP\n", file)
			return a.print(key + "\n")
		},
	}
	f := cmd.Flags()
	f.StringVar(&role, "role", "", "`role` of who has it: backend, viewer, operator or metrics")
	f.StringVar(&name, "name", "", "`name` of the program, for the log")
	f.Float64Var(&rate, "rate", 0, "`commands` a second that it may send; 0 for any number")
	f.StringVar(&file, "auth", "", "`file` of who may come in, as of serve")
	return cmd
}

// addEntry adds a key to the file of --auth in one step, which stays its owner's.
func addEntry(path string, e identity.Entry) error {
	content, err := os.ReadFile(path)
	mode := fs.FileMode(0o600)
	switch {
	case err == nil:
		info, err := os.Stat(path)
		if err != nil {
			return err
		}
		mode = info.Mode().Perm()
	case !errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("--auth: %w", err)
	}
	next, err := identity.AddEntry(content, e)
	if err != nil {
		return fmt.Errorf("--auth: %s: %w", path, err)
	}
	return replaceFile(path, next, mode)
}

// replaceFile writes a file beside another and puts it in its place, so that who reads
// it meets one or the other.
func replaceFile(path string, content []byte, mode fs.FileMode) error {
	temporary := path + ".new"
	f, err := os.OpenFile(temporary, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return fmt.Errorf("--auth: %w", err)
	}
	_, err = f.Write(content)
	err = errors.Join(err, f.Chmod(mode), keepOwner(f, path), f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(temporary, path)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("--auth: %w", err), os.Remove(temporary))
	}
	return nil
}
