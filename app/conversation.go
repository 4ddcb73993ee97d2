package app

import (
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"burble/app/attach"
	"burble/assets/guide"
	"burble/inference"
	"burble/inference/chat"
)

// Send stores text as the user's message and asks the engine for an answer to it, which arrives by signals. Where the
// engine is answering in another chat, this one waits for its turn; it also waits for a model that is being loaded.
// Nothing is stored with ErrNoModel, ErrBusy or ErrEmpty.
func (c *Chats) Send(chatID int64, text string) error {
	if t := c.of(chatID); t != c {
		return t.Send(chatID, text)
	}
	return c.SendWith(chatID, text, nil)
}

// SendWith is Send with files. With files, text may be empty.
func (c *Chats) SendWith(chatID int64, text string, files []attach.Document) error {
	if t := c.of(chatID); t != c {
		return t.SendWith(chatID, text, files)
	}
	named := text
	if strings.TrimSpace(text) == "" {
		if len(files) == 0 {
			return ErrEmpty
		}
		named = files[0].Name
	}
	if len(files) > 0 && c.temporary != nil { // nobody searches the temporary ones
		defer c.later(c.indexFiles)
	}
	return c.ask(chatID, func(tx *sql.Tx, branch []Message) (*Message, bool, error) {
		m := Message{ChatID: chatID, Role: chat.User, Content: text, Created: time.Now(), Status: StatusComplete}
		if len(branch) > 0 {
			m.ParentID = branch[len(branch)-1].ID
		}
		if err := c.store.insert(c.ctx, tx, &m); err != nil {
			return nil, false, err
		}
		if err := c.store.attach(c.ctx, tx, &m, files); err != nil {
			return nil, false, err
		}
		_, err := tx.ExecContext(c.ctx, `UPDATE chats SET titled = CASE title WHEN '' THEN 'words' ELSE titled END,
			title = CASE title WHEN '' THEN ? ELSE title END, draft = '' WHERE id = ?`, title(named), chatID)
		return answerTo(m), false, err
	})
}

// Edit sends text in place of the user's message id, with the same files. The old message and what followed it are kept as another branch,
// which Show brings back.
func (c *Chats) Edit(id int64, text string) error {
	if t := c.of(id); t != c {
		return t.Edit(id, text)
	}
	old, err := c.Message(id)
	if strings.TrimSpace(text) == "" && len(old.Attachments) == 0 {
		return ErrEmpty
	}
	if err != nil {
		return err
	}
	if old.Role != chat.User {
		return errors.New("only your own messages can be edited")
	}
	return c.ask(old.ChatID, func(tx *sql.Tx, _ []Message) (*Message, bool, error) {
		m := Message{ChatID: old.ChatID, ParentID: old.ParentID, Role: chat.User, Content: text, Created: time.Now(), Status: StatusComplete}
		err := c.store.insert(c.ctx, tx, &m)
		if err == nil {
			err = c.store.copyAttachments(c.ctx, tx, id, m)
		}
		return answerTo(m), false, err
	})
}

// Regenerate asks for another answer to the last message. The old answer is kept beside it, unless it failed without
// a word: then the new one takes its place. It serves for trying again, too.
func (c *Chats) Regenerate(chatID int64) error {
	if t := c.of(chatID); t != c {
		return t.Regenerate(chatID)
	}
	return c.ask(chatID, func(_ *sql.Tx, branch []Message) (*Message, bool, error) {
		if len(branch) == 0 {
			return nil, false, errors.New("there is no message to answer yet")
		}
		last := branch[len(branch)-1]
		if last.Role != chat.Assistant {
			return answerTo(last), false, nil
		}
		if len(branch) < 2 {
			return nil, false, errors.New("there is no message to answer yet")
		}
		m := answerTo(branch[len(branch)-2])
		if last.Content == "" && last.Reasoning == "" {
			m.ID = last.ID
		}
		return m, false, nil
	})
}

// Continue goes on with the last answer, where it was stopped or interrupted or reached a limit.
func (c *Chats) Continue(chatID int64) error {
	if t := c.of(chatID); t != c {
		return t.Continue(chatID)
	}
	return c.ask(chatID, func(_ *sql.Tx, branch []Message) (*Message, bool, error) {
		if len(branch) == 0 || branch[len(branch)-1].Role != chat.Assistant {
			return nil, false, errors.New("there is no answer to go on with")
		}
		if info, ok := c.models.Current(); ok && info.NoContinue != "" {
			return nil, false, errors.New(info.NoContinue)
		}
		m := branch[len(branch)-1]
		if m.Content == "" {
			return nil, false, errors.New("the answer has not begun: have it made again instead")
		}
		m.Status, m.Error, m.Finish, m.Stats = StatusStreaming, "", "", nil
		return &m, true, nil
	})
}

// answerTo returns a new, empty answer to m.
func answerTo(m Message) *Message {
	return &Message{ChatID: m.ChatID, ParentID: m.ID, Role: chat.Assistant, Created: time.Now(), Status: StatusStreaming}
}

// ask has the engine write an answer. prepare, in a transaction, gets the messages shown so far and returns the answer to
// be: with an ID, it takes that message's place; goOn says that it starts with the content it has.
func (c *Chats) ask(chatID int64, prepare func(tx *sql.Tx, branch []Message) (m *Message, goOn bool, err error)) error {
	return c.askWith(chatID, special{}, prepare)
}

// special is what is different for one answer.
type special struct {
	preset *int64  // its parameters serve; nil: the chat's
	prompt []int32 // tokens, in place of the conversation's text
	begun  []int32 // that the answer begins with
}

func (c *Chats) askWith(chatID int64, how special, prepare func(tx *sql.Tx, branch []Message) (m *Message, goOn bool, err error)) error {
	info, ready := c.models.Current()
	if _, loading := c.models.Loading(); !ready && !loading {
		return ErrNoModel
	}
	chatInfo, err := c.Chat(chatID)
	if err != nil {
		return err
	}
	if how.preset != nil {
		chatInfo.Options = ChatOptions{Preset: how.preset}
	}
	a, err := c.reserve(chatID)
	if err != nil {
		return err
	}
	var goOn bool
	var branch []Message
	var answer Message
	err = c.store.transact(c.ctx, func(tx *sql.Tx) error {
		before, err := c.store.branch(c.ctx, tx, chatID)
		if err != nil {
			return err
		}
		if err := c.free(tx, before); err != nil {
			return err
		}
		var m *Message
		if m, goOn, err = prepare(tx, before); err != nil {
			return err
		}
		m.Model = info.Title()
		if m.ID == 0 {
			err = c.store.insert(c.ctx, tx, m)
		} else {
			_, err = tx.ExecContext(c.ctx, `UPDATE messages SET status = 'streaming', error = '', warning = '', finish = '', stats = NULL, receipt = NULL,
				created = ?, owner = ? WHERE id = ?`, m.Created.UnixMilli(), c.store.owner, m.ID)
		}
		if err != nil {
			return err
		}
		if branch, err = c.store.branch(c.ctx, tx, chatID); err != nil {
			return err
		}
		answer = *m
		return nil
	})
	if err != nil {
		c.release(a)
		return err
	}
	r := c.request(chatInfo, branch, goOn)
	if how.prompt != nil {
		r.Messages, r.Tokens, r.Begun = nil, how.prompt, how.begun
	}
	c.start(a, answer, r)
	c.signals.publish(ChatsChanged{})
	c.signals.publish(MessagesChanged{chatID})
	return nil
}

// free makes sure that no other process answers in the chat. One that has died in the middle is over.
func (c *Chats) free(tx *sql.Tx, branch []Message) error {
	if len(branch) == 0 || branch[len(branch)-1].Status != StatusStreaming {
		return nil
	}
	last := &branch[len(branch)-1]
	var owner string
	if err := tx.QueryRowContext(c.ctx, "SELECT owner FROM messages WHERE id = ?", last.ID).Scan(&owner); err != nil {
		return err
	}
	if owner != c.store.owner && c.store.alive(owner) {
		return ErrBusy
	}
	last.Status = StatusInterrupted
	_, err := tx.ExecContext(c.ctx, "UPDATE messages SET status = 'interrupted', owner = '' WHERE id = ?", last.ID)
	return err
}

// request puts together what the engine needs. The last message of the branch is the answer to be.
func (c *Chats) request(info Chat, branch []Message, goOn bool) inference.Request {
	v := c.settings.Get()
	p, err := c.presets.Parameters(info.Options)
	if err != nil { // the settings serve, and the user should know
		c.signals.publish(Notice{fmt.Sprintf("The chat's preset can't be read: %v.", err)})
		p = info.Options.Over(v.parameters())
	}
	r := inference.Request{Sampling: p.Sampling, MaxTokens: p.MaxTokens, Stop: p.Stop, Lookup: p.Lookup, Continue: goOn,
		Thinking: p.Thinking, Effort: string(p.Effort)}
	switch or(info.Options.Overflow, v.Overflow) {
	case OverflowDrop:
		r.Overflow = inference.DropOldest
	case OverflowMiddle:
		r.Overflow = inference.DropMiddle
	}
	if c.models.guideLoaded() {
		r.Sampling.Temperature = 0 // only its likeliest words are any good
		r.Sampling.LogitBias = map[int32]float32{guide.Declining: guide.Doubt}
	}
	if !goOn {
		branch = branch[:len(branch)-1]
	}
	branch, err = c.forModel(branch)
	if err != nil {
		c.signals.publish(Notice{fmt.Sprintf("The model answers without an attachment: %v.", err)})
	}
	r.Messages = conversation(p.System, branch)
	return r
}

// conversation turns messages into what a chat template takes: turns that alternate. An answer that failed without a
// word is left out, and then the user's messages around it are one.
func conversation(system string, branch []Message) []chat.Message {
	var list []chat.Message
	if strings.TrimSpace(system) != "" {
		list = append(list, chat.Message{Role: chat.System, Content: system})
	}
	for _, m := range branch {
		if m.Role == chat.Assistant && m.Content == "" {
			continue
		}
		if last := len(list) - 1; m.Role == chat.User && last >= 0 && list[last].Role == chat.User {
			list[last].Content += "\n\n" + m.Content
			continue
		}
		list = append(list, chat.Message{Role: m.Role, Content: m.Content, Reasoning: m.Reasoning})
	}
	return list
}

// Stop ends the answer on its way in a chat; what has arrived of it stays.
func (c *Chats) Stop(chatID int64) {
	if t := c.of(chatID); t != c {
		t.Stop(chatID)
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if a := c.live[chatID]; a != nil {
		a.stopped = true
		if a.request != 0 {
			c.engine.Stop(a.request)
		}
	}
}
