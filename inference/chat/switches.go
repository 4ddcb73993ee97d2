package chat

import (
	"strings"
	"time"
)

// HasSwitch reports whether the template can tell the model to think or not.
func (t *Template) HasSwitch() bool { return t.toggle }

// HasEffort reports whether the template can tell the model how much to think.
func (t *Template) HasEffort() bool { return t.effort }

// findSwitches tries the switches of a template that mentions some: one that changes nothing in the prompt is none.
func (t *Template) findSwitches() {
	if t.own == nil || !t.Thinks() {
		return
	}
	render := func(o RenderOptions) (string, bool) {
		o.AddGenerationPrompt, o.Now = true, time.Unix(0, 0)
		text, err := t.runOwn([]Message{{Role: User, Content: "Hello"}}, o)
		return text, err == nil
	}
	yes, no := true, false
	on, ok1 := render(RenderOptions{Thinking: &yes})
	off, ok2 := render(RenderOptions{Thinking: &no})
	t.toggle = ok1 && ok2 && on != off
	if !strings.Contains(t.source, "reasoning_effort") {
		return
	}
	t.effort = true // for variables, which the trials go through
	low, ok1 := render(RenderOptions{Effort: "low"})
	_, ok2 = render(RenderOptions{Effort: "medium"})
	high, ok3 := render(RenderOptions{Effort: "high"})
	t.effort = ok1 && ok2 && ok3 && low != high
}
