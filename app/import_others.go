package app

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"burble/inference/chat"
)

// Open WebUI exports a list of chats. The conversation is "chat.history": messages by id, each with its parent, and the leaf
// that was shown. Times are seconds, or milliseconds in places. Reasoning stands in the text, in a <details> element.

type webUIChat struct {
	Title   *string
	Created float64 `json:"created_at"`
	Updated float64 `json:"updated_at"`
	Chat    struct {
		Title   *string
		System  *string
		Params  struct{ System *string }
		Models  list[string]
		History struct {
			Messages table[webUIMessage]
			Current  *string `json:"currentId"`
		}
		Messages list[webUIMessage] // of old versions: the branch that was shown
	}
	Archived *bool
	Pinned   *bool
}

type webUIMessage struct {
	ID       string
	Parent   *string      `json:"parentId"`
	Children list[string] `json:"childrenIds"`
	Role     string
	Content  content
	Time     float64 `json:"timestamp"`
	Model    *string
	Name     *string `json:"modelName"`
	Files    list[struct{ ID json.RawMessage }]
}

// content is a text, or a list of parts of which some are.
type content struct {
	text string
	left int // parts that are no text
}

// UnmarshalJSON reads the content.
func (c *content) UnmarshalJSON(data []byte) error {
	*c = content{}
	if len(data) == 0 || data[0] != '[' {
		return json.Unmarshal(data, &c.text)
	}
	var parts list[struct {
		Type string
		Text *string
	}]
	if err := parts.UnmarshalJSON(data); err != nil {
		return err
	}
	var texts []string
	for _, p := range parts {
		if p.Text == nil {
			c.left++
			continue
		}
		texts = append(texts, *p.Text)
	}
	c.text = strings.Join(texts, "\n\n")
	return nil
}

// stamp is a moment from seconds or milliseconds since 1970.
func stamp(n float64) time.Time {
	if n > 1e11 {
		n /= 1000
	}
	return seconds(n)
}

var details = regexp.MustCompile(`(?s)<details type="reasoning"([^>]*)>\s*(?:<summary>.*?</summary>)?(.*?)</details>\s*`)
var duration = regexp.MustCompile(`duration="(\d+)"`)

// unfold takes the reasoning out of an Open WebUI text. thought is in milliseconds.
func unfold(text string) (rest, reasoning string, thought int64) {
	var all []string
	for _, m := range details.FindAllStringSubmatch(text, -1) {
		var lines []string
		for line := range strings.Lines(m[2]) {
			line = strings.TrimPrefix(strings.TrimPrefix(strings.TrimRight(line, "\n"), ">"), " ")
			line = strings.TrimPrefix(strings.TrimPrefix(line, "&gt;"), " ")
			lines = append(lines, line)
		}
		all = append(all, html.UnescapeString(strings.Join(lines, "\n")))
		if d := duration.FindStringSubmatch(m[1]); d != nil {
			if n, err := strconv.ParseInt(d[1], 10, 32); err == nil {
				thought += n * 1000
			}
		}
	}
	return strings.TrimSpace(details.ReplaceAllString(text, "")), joined(all), thought
}

func fromOpenWebUI(data []byte) (converted, error) {
	out := converted{program: "Open WebUI"}
	var w webUIChat
	if err := decode(data, &w); err != nil {
		return out, err
	}
	f := &out.chat
	f.Title, f.Created, f.Updated = either(w.Title, w.Chat.Title), stamp(w.Created), stamp(w.Updated)
	if w.Pinned != nil && *w.Pinned {
		f.Pinned = cmpTime(f.Updated, f.Created, time.Now())
	}
	if w.Archived != nil && *w.Archived {
		f.Archived = cmpTime(f.Updated, f.Created, time.Now())
	}
	var system []string
	system = append(system, either(w.Chat.Params.System, w.Chat.System))
	messages := w.Chat.History.Messages
	if len(messages) == 0 { // then there is one branch
		messages = table[webUIMessage]{}
		before := ""
		for i, m := range w.Chat.Messages {
			id := "m" + strconv.Itoa(i)
			if m.Parent = nil; before != "" {
				parent := before
				m.Parent = &parent
			}
			messages[id], before = m, id
		}
		w.Chat.History.Current = &before
	}
	roots, children, err := webUITree(messages)
	if err != nil {
		return out, err
	}
	type step struct {
		id     string
		parent int64
	}
	var steps []step
	for _, id := range slices.Backward(roots) {
		steps = append(steps, step{id, 0})
	}
	seen := 0
	for len(steps) > 0 {
		s := steps[len(steps)-1]
		steps = steps[:len(steps)-1]
		seen++
		m := messages[s.id]
		out.left += m.Content.left + len(m.Files)
		at := s.parent
		text, reasoning, thought := m.Content.text, "", int64(0)
		role := roleOf(m.Role)
		if role == chat.Assistant {
			text, reasoning, thought = unfold(text)
		}
		switch {
		case role == chat.System:
			system = append(system, text)
		case role != "" && strings.TrimSpace(text+reasoning) != "":
			message := fileMessage{ID: int64(len(f.Messages)) + 1, Parent: at, Role: string(role), Content: text, Reasoning: reasoning, Thought: thought, Created: stamp(m.Time)}
			if role == chat.Assistant {
				message.Model = either(m.Name, m.Model)
				if message.Model == "" && len(w.Chat.Models) > 0 {
					message.Model = w.Chat.Models[0]
				}
			}
			f.Messages = append(f.Messages, message)
			at = message.ID
		}
		if w.Chat.History.Current != nil && s.id == *w.Chat.History.Current {
			f.Leaf = at
		}
		for _, id := range slices.Backward(children[s.id]) {
			steps = append(steps, step{id, at})
		}
	}
	if seen < len(messages) {
		return out, errCircle
	}
	if text := joined(system); text != "" {
		f.Options.System = &text
	}
	return out, nil
}

// webUITree returns the messages without a parent, and every message's children in their order.
func webUITree(messages table[webUIMessage]) (roots []string, children map[string][]string, err error) {
	children = make(map[string][]string, len(messages))
	place := map[string]int{}
	for _, m := range messages {
		for i, c := range m.Children {
			place[c] = i
		}
	}
	for id, m := range messages {
		if m.Parent == nil || *m.Parent == "" {
			roots = append(roots, id)
			continue
		}
		if _, ok := messages[*m.Parent]; !ok {
			return nil, nil, errors.New("a message follows one that is missing")
		}
		children[*m.Parent] = append(children[*m.Parent], id)
	}
	order := func(a, b string) int {
		return cmp.Or(cmp.Compare(place[a], place[b]), cmp.Compare(messages[a].Time, messages[b].Time), cmp.Compare(a, b))
	}
	slices.SortFunc(roots, order)
	for _, ids := range children {
		slices.SortFunc(ids, order)
	}
	return roots, children, nil
}

// LM Studio keeps each conversation in a file of its own. Its messages stand one after another; each has versions, of which one
// is selected. A version is a single step with content, or has several, of which those that think are marked by their style.

type studioChat struct {
	Name     *string
	Pinned   *bool
	Created  float64 `json:"createdAt"` // milliseconds, as all times here
	Asked    float64 `json:"userLastMessagedAt"`
	Answered float64 `json:"assistantLastMessagedAt"`
	System   *string `json:"systemPrompt"`
	Config   struct {
		Fields list[studioField]
	} `json:"perChatPredictionConfig"`
	Messages list[struct {
		Versions list[studioVersion]
		Selected int `json:"currentlySelected"`
	}]
	Model struct {
		Identifier *string
		Name       *string `json:"indexedModelIdentifier"`
	} `json:"lastUsedModel"`
}

type studioField struct {
	Key   string
	Value json.RawMessage
}

type studioVersion struct {
	Role    string
	Content content
	Sender  struct {
		Name *string `json:"senderName"`
	} `json:"senderInfo"`
	Steps list[struct {
		Type    string
		Content content
		Style   struct{ Type string }
		Info    struct {
			Identifier *string
		} `json:"genInfo"`
	}]
}

func fromLMStudio(data []byte) (converted, error) {
	out := converted{program: "LM Studio"}
	var s studioChat
	if err := decode(data, &s); err != nil {
		return out, err
	}
	f := &out.chat
	f.Title, f.Created = either(s.Name), stamp(s.Created)
	f.Updated = cmpTime(stamp(max(s.Asked, s.Answered)), f.Created)
	if s.Pinned != nil && *s.Pinned {
		f.Pinned = cmpTime(f.Updated, f.Created, time.Now())
	}
	system := []string{either(s.System)}
	for _, field := range s.Config.Fields {
		var value string
		if field.Key == "llm.prediction.systemPrompt" && json.Unmarshal(field.Value, &value) == nil {
			system = append(system, value)
		}
	}
	parent := int64(0)
	for i, m := range s.Messages {
		if len(m.Versions) > 0 && (m.Selected < 0 || m.Selected >= len(m.Versions)) {
			return out, fmt.Errorf("message %d has %d versions, and number %d is selected", i+1, len(m.Versions), m.Selected)
		}
		next := parent
		for j, v := range m.Versions {
			message := v.message()
			out.left += v.Content.left
			for _, step := range v.Steps {
				out.left += step.Content.left
			}
			message.ID, message.Parent = int64(len(f.Messages))+1, parent
			switch {
			case message.Role == "" || strings.TrimSpace(message.Content+message.Reasoning) == "":
				continue
			case message.Role == string(chat.System):
				system = append(system, message.Content)
				continue
			case message.Role == string(chat.Assistant) && message.Model == "":
				message.Model = either(s.Model.Name, s.Model.Identifier)
			}
			f.Messages = append(f.Messages, message)
			if j == m.Selected {
				next = message.ID
			}
		}
		parent = next
	}
	f.Leaf = parent
	if text := joined(system); text != "" {
		f.Options.System = &text
	}
	return out, nil
}

// message makes a message of a version.
func (v studioVersion) message() fileMessage {
	m := fileMessage{Role: string(roleOf(v.Role)), Content: v.Content.text, Model: either(v.Sender.Name)}
	var said, thought []string
	for _, step := range v.Steps {
		switch {
		case step.Type != "contentBlock":
			continue
		case step.Style.Type == "thinking":
			thought = append(thought, step.Content.text)
		default:
			said = append(said, step.Content.text)
		}
		if m.Model == "" {
			m.Model = either(step.Info.Identifier)
		}
	}
	if len(v.Steps) > 0 {
		m.Content, m.Reasoning = strings.TrimSpace(strings.Join(said, "")), strings.TrimSpace(strings.Join(thought, "\n\n"))
	}
	return m
}

// ShareGPT's form of a conversation is a list of turns, each from somebody, with a value.

func fromShareGPT(data []byte) (converted, error) {
	out := converted{program: "ShareGPT"}
	var s struct {
		Title         *string
		Conversations list[shareTurn]
	}
	if err := decode(data, &s); err != nil {
		return out, err
	}
	f := &out.chat
	f.Title = either(s.Title)
	var system []string
	for i, turn := range s.Conversations {
		switch role := roleOf(turn.From); role {
		case chat.System:
			system = append(system, turn.Value)
		case chat.User, chat.Assistant:
			id := int64(len(f.Messages)) + 1
			f.Messages = append(f.Messages, fileMessage{ID: id, Parent: id - 1, Role: string(role), Content: turn.Value})
		default:
			return out, fmt.Errorf("turn %d is from %.30q, whom nobody knows", i+1, turn.From)
		}
	}
	if text := joined(system); text != "" {
		f.Options.System = &text
	}
	return out, nil
}
