package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"go.yaml.in/yaml/v3"
)

// configFlag names the file of settings of the commands that take one.
const configFlag = "config"

// maxConfig bounds that file, in bytes.
const maxConfig = 1 << 20

// addConfig adds the flag for a file of settings.
func addConfig(f *pflag.FlagSet) {
	f.String(configFlag, "", "YAML `file` of settings, which has the flags' names as keys; a flag or an environment variable wins")
}

// readConfig sets the flags of a command that neither the command line nor the environment
// says from the file of --config, if there is one.
func (a *app) readConfig(cmd *cobra.Command) error {
	named := cmd.Flags().Lookup(configFlag)
	if named == nil || named.Value.String() == "" {
		return nil
	}
	path := named.Value.String()
	settings, err := readSettings(path)
	if err == nil {
		err = a.setFrom(cmd.Flags(), settings)
	}
	if err != nil {
		return usagef("--%s: %s%w", configFlag, path, err)
	}
	return nil
}

// readSettings reads a file of settings; nil: it has none. Errors follow the file's name.
func readSettings(path string) (*yaml.Node, error) {
	f, err := os.Open(path)
	if err != nil {
		if e, ok := errors.AsType[*os.PathError](err); ok {
			err = e.Err
		}
		return nil, fmt.Errorf(": %w", err)
	}
	defer f.Close()
	content, err := io.ReadAll(io.LimitReader(f, maxConfig+1))
	if err != nil {
		return nil, fmt.Errorf(": %w", err)
	}
	if len(content) > maxConfig {
		return nil, fmt.Errorf(": larger than %d bytes", maxConfig)
	}
	var file yaml.Node
	if err := yaml.Unmarshal(content, &file); err != nil {
		return nil, fmt.Errorf(": %w", err)
	}
	if file.Kind == 0 { // nothing but comments
		return nil, nil
	}
	settings := file.Content[0]
	if settings.Kind != yaml.MappingNode {
		return nil, fmt.Errorf(":%d: want settings, each on a line as \"data: /var/lib/reddot\"", settings.Line)
	}
	return settings, nil
}

// setFrom sets flags from settings. Errors follow the file's name.
func (a *app) setFrom(flags *pflag.FlagSet, settings *yaml.Node) error {
	if settings == nil {
		return nil
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(settings.Content); i += 2 {
		name, value := settings.Content[i], settings.Content[i+1]
		flag := flags.Lookup(name.Value)
		switch {
		case name.Kind != yaml.ScalarNode || flag == nil || name.Value == "help" || name.Value == configFlag:
			return fmt.Errorf(":%d: there is no setting %q: a setting is called as its flag", name.Line, name.Value)
		case seen[flag.Name]:
			return fmt.Errorf(":%d: %s is set twice", name.Line, name.Value)
		}
		seen[flag.Name] = true
		if flag.Changed {
			continue
		}
		if err := setFlag(flags, flag, value); err != nil {
			return fmt.Errorf(":%d: %w", value.Line, err)
		}
		a.from[flag.Name] = "file"
	}
	return nil
}

// setFlag sets a flag to a value, or, where it may be given several times, to several.
func setFlag(flags *pflag.FlagSet, flag *pflag.Flag, value *yaml.Node) error {
	values := []*yaml.Node{value}
	if value.Kind == yaml.SequenceNode {
		switch flag.Value.(type) {
		case pflag.SliceValue, *seqs:
		default:
			return fmt.Errorf("%s: want one value, not a list", flag.Name)
		}
		values = value.Content
	}
	for _, v := range values {
		if v.Kind != yaml.ScalarNode || v.Tag == "!!null" {
			return fmt.Errorf("%s: want a value", flag.Name)
		}
		err := flags.Set(flag.Name, v.Value)
		if wrong, ok := errors.AsType[*pflag.InvalidValueError](err); ok {
			return valueError(flag.Name, wrong)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
