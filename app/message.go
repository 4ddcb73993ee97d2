package app

import (
	"time"

	"burble/inference"
	"burble/inference/chat"
	"burble/inference/sample"
)

// Chat is a conversation.
type Chat struct {
	ID      int64
	Title   string // empty until the first message gives one
	Created time.Time
	Updated time.Time // of the latest message
	Options ChatOptions
	Draft   string // what the user has typed and not sent
	Busy    bool   // an answer is on its way

	Folder   int64 // the folder it lies in; 0: none
	Pinned   bool  // stays at the top
	Archived bool  // put away: Archived lists it, List does not
}

// ChatOptions are a chat's own choices. A nil field follows the chat's preset.
type ChatOptions struct {
	System    *string        `json:"system,omitempty"`
	Sampling  *sample.Params `json:"sampling,omitempty"`
	MaxTokens *int           `json:"max_tokens,omitempty"` // 0: as long as the context allows
	Thinking  *bool          `json:"thinking,omitempty"`   // nil: as the model's template does by default

	Overflow  string     `json:"overflow,omitempty"` // one of Overflows; empty: as the settings say
	Preset    *int64     `json:"preset,omitempty"`   // its ID; nil: that of new chats
	Stop      *[]string  `json:"stop,omitempty"`
	Lookup    *int       `json:"lookup,omitempty"`
	Reasoning *Reasoning `json:"reasoning,omitempty"` // goes before Thinking
}

// Reasoning is a chat's own choice of Parameters' Thinking and Effort.
type Reasoning struct {
	Thinking *bool  `json:"thinking,omitempty"`
	Effort   Effort `json:"effort,omitempty"`
}

// Status says how far an answer is. Messages of the user are always complete.
type Status string

const (
	StatusStreaming   Status = "streaming"   // on its way, or waiting for its turn
	StatusComplete    Status = "complete"    // the model ended it, or reached the limit on tokens
	StatusStopped     Status = "stopped"     // the user stopped it
	StatusInterrupted Status = "interrupted" // Burble ended in the middle of it, or its server did: then Error says so
	StatusFailed      Status = "failed"      // see Error
)

// Message is one turn of a chat.
type Message struct {
	ID        int64
	ChatID    int64
	ParentID  int64 // the message before this one; 0: none
	Role      chat.Role
	Content   string
	Reasoning string        // what the model thought before it answered
	Thought   time.Duration // how long that took; 0: not known, or it did not
	Created   time.Time
	Status    Status
	Error     string                 // why the answer failed or broke off, for the user
	Finish    inference.FinishReason // why the answer ended; empty where it failed or is not an answer
	Stats     *inference.Stats       // nil until the answer has ended
	Model     string                 // the name of the model that answered
	Warning   string                 // a sentence about the answer, such as messages left out to make it fit; or empty
	Progress  *Progress              // of an answer that is streaming, else nil
	// Attachments are files that go with the message. AttachmentText has what is in them.
	Attachments []Attachment
	Siblings    int // answers to the same message, this one included; more than 1 after Regenerate
}

// Progress is what an answer on its way is doing.
type Progress struct {
	Queued      bool    // waits for an answer in another chat
	PromptDone  int     // tokens of the prompt processed, reused ones included
	PromptTotal int     // tokens of the prompt; 0: not known yet
	Reused      int     // tokens of the prompt that were still in the KV cache
	Tokens      int     // tokens generated
	Rate        float64 // tokens generated per second so far; 0: not known yet
}

// Hit is a message that a search found.
type Hit struct {
	ChatID    int64
	MessageID int64 // 0: the chat's title matched
	Title     string
	Role      chat.Role
	Created   time.Time
	Snippet   string   // a few words around the match
	Matches   [][2]int // the byte ranges of Snippet that matched
	Archived  bool     // the chat is put away
	File      string   // the name of the message's file that matched, and not the message itself; or empty
}
