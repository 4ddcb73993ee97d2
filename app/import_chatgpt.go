package app

import (
	"cmp"
	"encoding/json"
	"errors"
	"math"
	"regexp"
	"slices"
	"strings"
	"time"

	"burble/inference/chat"
)

// ChatGPT's conversations.json is a list of conversations. Each holds its messages as "mapping": a tree of nodes by id, each
// with its parent, its children in order and, where it is not a bare root, a message. "current_node" is the leaf that was
// shown. Times are seconds. Tools, hidden messages and what the model says to tools are nodes like any other.

type gptChat struct {
	Title    *string
	Created  float64 `json:"create_time"`
	Updated  float64 `json:"update_time"`
	Mapping  table[gptNode]
	Current  *string `json:"current_node"`
	Model    *string `json:"default_model_slug"`
	Archived *bool   `json:"is_archived"`
}

type gptNode struct {
	Message  *gptMessage
	Parent   *string
	Children list[string]
}

type gptMessage struct {
	Author struct {
		Role string
	}
	Created float64 `json:"create_time"`
	Content struct {
		Type     string `json:"content_type"`
		Parts    list[json.RawMessage]
		Text     *string
		Thoughts list[struct{ Summary, Content string }]
		// Of the user's own instructions.
		Profile      string `json:"user_profile"`
		Instructions string `json:"user_instructions"`
	}
	Recipient *string
	Metadata  struct {
		Model  *string `json:"model_slug"`
		Hidden *bool   `json:"is_visually_hidden_from_conversation"`
	}
}

// seconds is a moment from seconds since 1970, the zero time where there are none.
func seconds(s float64) time.Time {
	if !(s > 0 && s < 1e11) {
		return time.Time{}
	}
	whole, part := math.Modf(s)
	return time.Unix(int64(whole), int64(part*1e9)).Truncate(time.Millisecond).UTC()
}

// citation is what stands in a text for a source or another thing that ChatGPT's page shows: between private characters.
var citation = regexp.MustCompile("\ue200[^\ue201]*\ue201")

// say returns the text of a message, and how many pictures and the like it had besides.
func (m *gptMessage) say() (text string, left int) {
	switch m.Content.Type {
	case "text", "multimodal_text":
		var parts []string
		for _, p := range m.Content.Parts {
			var s string
			if json.Unmarshal(p, &s) != nil {
				var transcribed struct{ Text *string }
				if json.Unmarshal(p, &transcribed) != nil || transcribed.Text == nil {
					left++
					continue
				}
				s = *transcribed.Text
			}
			parts = append(parts, s)
		}
		text = strings.Join(parts, "\n\n")
	case "code":
		if m.Content.Text != nil {
			text = "```\n" + strings.TrimSpace(*m.Content.Text) + "\n```"
		}
	}
	return strings.TrimSpace(citation.ReplaceAllString(text, "")), left
}

// gptStep is a node that is yet to be looked at, in the place where its message would go.
type gptStep struct {
	id        string
	before    int // index of the message before it, -1: none
	reasoning string
}

func fromChatGPT(data []byte) (converted, error) {
	out := converted{program: "ChatGPT"}
	var g gptChat
	if err := decode(data, &g); err != nil {
		return out, err
	}
	f := &out.chat
	f.Created, f.Updated = seconds(g.Created), seconds(g.Updated)
	if g.Title != nil {
		f.Title = *g.Title
	}
	if g.Archived != nil && *g.Archived {
		f.Archived = cmpTime(f.Updated, f.Created, time.Now())
	}
	roots, children, err := g.tree()
	if err != nil {
		return out, err
	}
	var instructions []string
	seen, branched := 0, make([]bool, 0, len(g.Mapping))
	push := func(stack []gptStep, ids []string, before int, reasoning string) []gptStep {
		for _, id := range slices.Backward(ids) { // the first is taken next
			stack = append(stack, gptStep{id, before, reasoning})
		}
		return stack
	}
	for stack := push(nil, roots, -1, ""); len(stack) > 0; {
		step := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		seen++
		at, reasoning := step.before, step.reasoning
		if m := g.Mapping[step.id].Message; m != nil {
			text, left := m.say()
			out.left += left
			hidden := m.Metadata.Hidden != nil && *m.Metadata.Hidden
			toTool := m.Recipient != nil && *m.Recipient != "" && *m.Recipient != "all"
			switch role := m.Author.Role; {
			case m.Content.Type == "user_editable_context":
				instructions = append(instructions, m.Content.Profile, m.Content.Instructions)
			case m.Content.Type == "thoughts":
				for _, t := range m.Content.Thoughts {
					reasoning += strings.TrimSpace(t.Summary+"\n\n"+t.Content) + "\n\n"
				}
			case hidden || toTool || text == "":
			case role == "system":
				instructions = append(instructions, text)
			case role == "assistant" && at >= 0 && f.Messages[at].Role == role && !branched[at]:
				f.Messages[at].Content += "\n\n" + text // it went on after it had used a tool
			case role == "user" || role == "assistant":
				message := fileMessage{ID: int64(len(f.Messages)) + 1, Role: role, Content: text, Created: seconds(m.Created)}
				if at >= 0 {
					message.Parent = f.Messages[at].ID
					branched[at] = true
				}
				if role == "assistant" {
					message.Reasoning = strings.TrimSpace(reasoning)
					message.Model = either(m.Metadata.Model, g.Model)
				}
				reasoning = ""
				f.Messages = append(f.Messages, message)
				branched = append(branched, false)
				at = len(f.Messages) - 1
			}
		}
		if g.Current != nil && step.id == *g.Current && at >= 0 {
			f.Leaf = f.Messages[at].ID
		}
		next := children[step.id]
		if len(next) > 1 && at >= 0 {
			branched[at] = true // what follows are versions, not more of the same
		}
		stack = push(stack, next, at, reasoning)
	}
	if seen < len(g.Mapping) {
		return out, errCircle
	}
	if text := joined(instructions); text != "" {
		f.Options.System = &text
	}
	return out, nil
}

// tree returns the nodes without a parent, and every node's children in their order.
func (g *gptChat) tree() (roots []string, children map[string][]string, err error) {
	children = make(map[string][]string, len(g.Mapping))
	place := map[string]int{} // among the children that the parent lists
	for _, n := range g.Mapping {
		for i, c := range n.Children {
			place[c] = i
		}
	}
	for id, n := range g.Mapping {
		if n.Parent == nil || *n.Parent == "" {
			roots = append(roots, id)
			continue
		}
		if _, ok := g.Mapping[*n.Parent]; !ok {
			return nil, nil, errors.New("a message follows one that is missing")
		}
		children[*n.Parent] = append(children[*n.Parent], id)
	}
	order := func(a, b string) int { return cmp.Or(cmp.Compare(place[a], place[b]), cmp.Compare(a, b)) }
	slices.SortFunc(roots, order)
	for _, ids := range children {
		slices.SortFunc(ids, order)
	}
	return roots, children, nil
}

// joined makes one text of several, leaving out what is empty or repeated.
func joined(parts []string) string {
	var kept []string
	for _, p := range parts {
		if p = strings.TrimSpace(p); p != "" && !slices.Contains(kept, p) {
			kept = append(kept, p)
		}
	}
	return strings.Join(kept, "\n\n")
}

// either returns the first text that there is.
func either(texts ...*string) string {
	for _, t := range texts {
		if t != nil && *t != "" {
			return *t
		}
	}
	return ""
}

// cmpTime returns the first moment that is one.
func cmpTime(times ...time.Time) time.Time {
	for _, t := range times {
		if !t.IsZero() {
			return t
		}
	}
	return time.Time{}
}

// roleOf is the role that a program's name for it stands for, or "".
func roleOf(name string) chat.Role {
	switch strings.ToLower(name) {
	case "system", "developer":
		return chat.System
	case "user", "human", "prompter":
		return chat.User
	case "assistant", "gpt", "chatgpt", "bot", "model":
		return chat.Assistant
	}
	return ""
}
