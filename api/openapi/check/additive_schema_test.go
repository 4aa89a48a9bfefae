package check

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
)

// keywords are those of schemas that are compared, or promise nothing.
var keywords = []string{
	"$ref", "type", "properties", "required", "allOf", "oneOf", "anyOf", "items", "const", "enum", "format", "pattern", "default",
	"additionalProperties", "unevaluatedProperties", "discriminator", "contentEncoding",
	"maxItems", "maxLength", "maximum", "minItems", "minLength", "minimum",
	"description", "examples", "example",
}

// schema compares what is asked for or told. A client that asks must not be bound to more, one that
// is told must get what it got. That a value of an enumeration is new breaks nobody: clients
// take a word that they don't know for one that says nothing.
func (c *comparison) schema(at string, old, now any, d direction) {
	if old == nil {
		return
	}
	was, is := c.whole(c.old, old), c.whole(c.now, now)
	if ref, ok := object(old)["$ref"].(string); ok {
		at = last(ref)
		key := fmt.Sprint(ref, object(now)["$ref"], d)
		if c.compared[key] {
			return
		}
		c.compared[key] = true
	}
	for _, name := range []string{"type", "const", "format", "contentEncoding"} {
		if !reflect.DeepEqual(was[name], is[name]) && (was[name] != nil || d == asked) {
			c.breaks("%s: %s was %v, is %v", at, name, was[name], is[name])
		}
	}
	for _, value := range list(was["enum"]) {
		if is["enum"] != nil && !slices.Contains(list(is["enum"]), value) {
			c.breaks("%s: %v is no value any more", at, value)
		}
	}
	c.each(at, was["properties"], is["properties"], func(at string, old, now any) { c.schema(at, old, now, d) })
	needs, has := was["required"], is["required"] // a reply has what it had
	if d == asked {
		needs, has = has, needs // a request needs no more than it did
	}
	for _, name := range list(needs) {
		if !slices.Contains(list(has), name) {
			c.breaks("%s: whether %v is required has changed", at, name)
		}
	}
	if d == asked {
		c.narrower(at, was, is)
	}
	for _, name := range []string{"items", "additionalProperties", "unevaluatedProperties"} {
		if object(was[name]) != nil {
			c.schema(at+" "+name, was[name], is[name], d)
		}
	}
	for _, name := range []string{"oneOf", "anyOf"} {
		c.each(at, alternatives(was[name]), alternatives(is[name]), func(at string, old, now any) { c.schema(at, old, now, d) })
	}
	c.each(at, object(was["discriminator"])["mapping"], object(is["discriminator"])["mapping"], func(string, any, any) {})
}

// narrower says where a request is bound to more than it was.
func (c *comparison) narrower(at string, was, is map[string]any) {
	for _, name := range []string{"pattern", "enum"} {
		if is[name] != nil && (was[name] == nil || name == "pattern" && is[name] != was[name]) {
			c.breaks("%s: %s was %v, is %v", at, name, was[name], is[name])
		}
	}
	if !reflect.DeepEqual(was["default"], is["default"]) {
		c.breaks("%s: the default was %v, is %v", at, was["default"], is["default"])
	}
	for _, name := range []string{"additionalProperties", "unevaluatedProperties"} {
		if is[name] == false && was[name] != false {
			c.breaks("%s: it takes no other fields any more", at)
		}
	}
	for _, of := range []string{"Items", "Length", "imum"} {
		if upper, ok := is["max"+of].(float64); ok && (was["max"+of] == nil || upper < was["max"+of].(float64)) {
			c.breaks("%s: max%s was %v, is %v", at, of, was["max"+of], upper)
		}
		if lower, ok := is["min"+of].(float64); ok && (was["min"+of] == nil || lower > was["min"+of].(float64)) {
			c.breaks("%s: min%s was %v, is %v", at, of, was["min"+of], lower)
		}
	}
}

// whole is a schema with what it refers to and with the schemas that it is all of.
func (c *comparison) whole(doc map[string]any, schema any) map[string]any {
	out := maps.Clone(c.follow(doc, schema))
	for name := range out {
		if !slices.Contains(keywords, name) {
			c.t.Fatalf("schemas have the keyword %s, which is not compared yet", name)
		}
	}
	parts := list(out["allOf"])
	delete(out, "allOf")
	for _, part := range parts {
		for name, v := range c.whole(doc, part) {
			switch known := out[name]; {
			case name == "required":
				out[name] = append(slices.Clone(list(known)), list(v)...)
			case name == "properties" && known != nil:
				out[name] = maps.Clone(object(known))
				maps.Copy(object(out[name]), object(v))
			case known == nil:
				out[name] = v
			}
		}
	}
	return out
}

// alternatives are the schemas of a list by what tells them apart: their name, or what their
// constants are.
func alternatives(schemas any) map[string]any {
	out := map[string]any{}
	for _, s := range list(schemas) {
		name := fmt.Sprint("with ", object(s)["required"])
		if ref, ok := object(s)["$ref"].(string); ok {
			name = last(ref)
		}
		properties := object(object(s)["properties"])
		for _, property := range slices.Sorted(maps.Keys(properties)) {
			if value := object(properties[property])["const"]; value != nil {
				name += fmt.Sprintf(" %s=%v", property, value)
			}
		}
		out[name] = s
	}
	return out
}
