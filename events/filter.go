package events

// Filter says which of a user's conversations some totals are of, and how they
// count. The zero value is that of the totals.
type Filter struct {
	Kind         Kind    // NoKind for both
	Label        *string // only those with the label; empty: those without any; nil: all
	Without      string  // only those without the label; empty: all
	Mentioned    bool    // only those with unread mentions
	IncludeMuted bool    // count each of them whole, whatever its level
}

// LabelArchived keeps a conversation out of the totals (rule label).
const LabelArchived = "archived"

// Equal reports whether two filters are the same.
func (f Filter) Equal(other Filter) bool {
	if (f.Label == nil) != (other.Label == nil) || f.Label != nil && *f.Label != *other.Label {
		return false
	}
	return f.Kind == other.Kind && f.Without == other.Without && f.Mentioned == other.Mentioned && f.IncludeMuted == other.IncludeMuted
}

// Validate reports what is wrong with the filter.
func (f *Filter) Validate() error {
	if err := checkKind(f.Kind); err != nil {
		return err
	}
	if f.Label != nil && *f.Label != "" {
		if err := CheckLabel("label", *f.Label); err != nil {
			return err
		}
	}
	if f.Without != "" {
		return CheckLabel("without", f.Without)
	}
	return nil
}

var filterMembers = []member[Filter]{
	{"kind", valueText, false, func(v values, f *Filter) error {
		s, err := v.text()
		if err == nil {
			f.Kind, err = ParseKind(string(s))
		}
		return err
	}},
	{"label", valueText, false, func(v values, f *Filter) error {
		s, err := v.text()
		f.Label = new(string(s))
		return err
	}},
	{"without", valueText, false, func(v values, f *Filter) error {
		s, err := v.text()
		if f.Without = string(s); err == nil {
			err = CheckLabel("without", f.Without)
		}
		return err
	}},
	flagMember("mentioned", func(f *Filter) *bool { return &f.Mentioned }),
	flagMember("include_muted", func(f *Filter) *bool { return &f.IncludeMuted }),
}

var filterRecord = record{
	has: func(c *Command) bool { return c.Filter != nil },
	read: func(c *Command, v values) error {
		c.Filter = new(Filter)
		if err := readObject(v, "filter", filterMembers, c.Filter); err != nil {
			return err
		}
		return c.Filter.Validate()
	},
	check: func(c *Command) error { return c.Filter.Validate() },
	pairs: func(c *Command) []any {
		f := c.Filter
		label := pair{"label", nil}
		if f.Label != nil {
			label.value = *f.Label
		}
		pairs := pairsOf(pair{"kind", f.Kind.String()}, pair{"without", f.Without}, pair{"mentioned", f.Mentioned}, pair{"include_muted", f.IncludeMuted})
		if label.value != nil {
			pairs = append(pairs, label) // it may be empty
		}
		return []any{pairs}
	},
}
