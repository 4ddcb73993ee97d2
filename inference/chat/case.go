package chat

import (
	"errors"
	"fmt"
	"time"

	"burble/inference/chat/jinja"
)

// RenderCase renders a template with the variables of one JSON object, for tests and for looking into a template.
//
// The object's keys are messages, tools, documents, add_generation_prompt, bos_token and eos_token, which reach the
// template as they are (tools and documents as none where they are missing); extra, an object of further variables;
// and now, the time that strftime_now sees, such as "2026-01-15T12:34:56" (the clock where it is missing). Other
// keys are ignored. An error of the template is a *[jinja.TemplateError].
func RenderCase(templateSource string, caseJSON []byte) (string, error) {
	v, err := jinja.DecodeJSON(caseJSON)
	if err != nil {
		return "", fmt.Errorf("the case isn't valid JSON: %w", err)
	}
	c, ok := v.(*jinja.Dict)
	if !ok {
		return "", errors.New("the case must be a JSON object with the messages to render")
	}
	vars := map[string]any{"tools": nil, "documents": nil}
	for _, k := range []string{"messages", "tools", "documents", "add_generation_prompt", "bos_token", "eos_token"} {
		if v, ok := c.Get(k); ok {
			vars[k] = v
		}
	}
	if v, _ := c.Get("extra"); v != nil {
		extra, ok := v.(*jinja.Dict)
		if !ok {
			return "", errors.New("the case's extra must be a JSON object of variables")
		}
		for _, k := range extra.Keys() {
			vars[k], _ = extra.Get(k)
		}
	}
	var o jinja.Options
	if v, _ := c.Get("now"); v != nil {
		s, _ := v.(string)
		if o.Now, err = parseTime(s); err != nil {
			return "", err
		}
	}
	t, err := jinja.Parse(templateSource)
	if err != nil {
		return "", err
	}
	return t.Render(vars, o)
}

func parseTime(s string) (time.Time, error) {
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05", "2006-01-02 15:04:05", "2006-01-02"} {
		if t, err := time.Parse(layout, s); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("the case's now is %q: expected a time such as 2026-01-15T12:34:56", s)
}
