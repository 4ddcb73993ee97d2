// Package chat turns a conversation into a model's prompt, and a model's output back into message parts.
//
// A prompt is rendered by the model's own template (package jinja) or, where that fails, by a known format that
// the template's markers give away. Output is split by a [Parser] into text and reasoning as it streams.
package chat

// Role says who speaks.
type Role string

const (
	System    Role = "system"
	User      Role = "user"
	Assistant Role = "assistant"
	Tool      Role = "tool"
)

// Message is one turn of a conversation.
type Message struct {
	Role      Role   `json:"role"`
	Content   string `json:"content"`
	Reasoning string `json:"reasoning_content,omitempty"` // what the model thought before it answered, if it said so
}
