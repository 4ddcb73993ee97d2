package chat

import "strings"

// shapes bring a conversation into forms that stricter templates take, the least changed first. A shape returns nil
// where it changes nothing.
var shapes = []func([]Message) []Message{
	func(m []Message) []Message { return m },
	systemFirst,
	systemInUser,
	alternatingWithSystem,
	alternating,
}

const paragraph = "\n\n"

// joined joins texts with a blank line, leaving out empty ones.
func joined(texts ...string) string {
	var kept []string
	for _, t := range texts {
		if t != "" {
			kept = append(kept, t)
		}
	}
	return strings.Join(kept, paragraph)
}

// systemFirst joins all system messages at the beginning.
func systemFirst(messages []Message) []Message {
	system, rest := splitSystem(messages)
	if len(system) == 0 || len(system) == 1 && messages[0].Role == System {
		return nil
	}
	return append([]Message{{Role: System, Content: joined(system...)}}, rest...)
}

// systemInUser puts every system message before the user message that follows it, or after the one before it where
// none follows.
func systemInUser(messages []Message) []Message {
	if system, _ := splitSystem(messages); len(system) == 0 {
		return nil
	}
	var out []Message
	pending := ""
	for _, m := range messages {
		switch {
		case m.Role == System:
			pending = joined(pending, m.Content)
			continue
		case m.Role == User && pending != "":
			m.Content, pending = joined(pending, m.Content), ""
		case pending != "" && len(out) == 0:
			out = append(out, Message{Role: User, Content: pending})
			pending = ""
		}
		out = append(out, m)
	}
	if pending != "" {
		for i := len(out) - 1; i >= 0; i-- {
			if out[i].Role == User {
				out[i].Content = joined(out[i].Content, pending)
				return out
			}
		}
		out = append(out, Message{Role: User, Content: pending})
	}
	return out
}

// alternatingWithSystem makes user and assistant alternate, with one system message before them.
func alternatingWithSystem(messages []Message) []Message {
	system, rest := splitSystem(messages)
	out := alternating(rest)
	if len(system) > 0 {
		out = append([]Message{{Role: System, Content: joined(system...)}}, out...)
	}
	return out
}

// alternating makes user and assistant alternate, beginning with the user, without system messages and empty
// answers. What a tool returned counts as the user's.
func alternating(messages []Message) []Message {
	if folded := systemInUser(messages); folded != nil {
		messages = folded
	}
	var out []Message
	for _, m := range messages {
		if m.Role != Assistant {
			m.Role = User
		} else if m.Content == "" && m.Reasoning == "" {
			continue
		}
		if len(out) == 0 && m.Role == Assistant {
			out = append(out, Message{Role: User})
		}
		if n := len(out); n > 0 && out[n-1].Role == m.Role {
			last := &out[n-1]
			last.Content = joined(last.Content, m.Content)
			last.Reasoning = joined(last.Reasoning, m.Reasoning)
			continue
		}
		out = append(out, m)
	}
	return out
}

func splitSystem(messages []Message) (system []string, rest []Message) {
	for _, m := range messages {
		if m.Role == System {
			system = append(system, m.Content)
		} else {
			rest = append(rest, m)
		}
	}
	return system, rest
}
