package app

import (
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"burble/inference/chat"
)

// Messages are a tree, and one of its branches is shown: from the first message to the chat's leaf. Nothing that changes a
// message destroys one: another version is added beside it.

// RegenerateMessage asks for another answer beside the answer id, which may be anywhere in the chat. What was there, and followed,
// stays as a branch of its own. With preset not nil, its parameters serve for this answer.
func (c *Chats) RegenerateMessage(id int64, preset *int64) error {
	if t := c.of(id); t != c {
		return t.RegenerateMessage(id, preset)
	}
	old, err := c.Message(id)
	if err != nil {
		return err
	}
	if old.Role != chat.Assistant || old.ParentID == 0 {
		return errors.New("only answers can be made again")
	}
	return c.askWith(old.ChatID, special{preset: preset}, func(tx *sql.Tx, _ []Message) (*Message, bool, error) {
		parent, err := c.store.message(c.ctx, tx, old.ParentID)
		if err != nil {
			return nil, false, err
		}
		m := answerTo(parent)
		if old.Content == "" && old.Reasoning == "" && old.Status == StatusFailed {
			m.ID = old.ID // nothing is lost
		}
		return m, false, nil
	})
}

// EditAnswer puts text beside the answer id as another version, written by the user. What followed stays with the old one.
func (c *Chats) EditAnswer(id int64, text string) error {
	if t := c.of(id); t != c {
		return t.EditAnswer(id, text)
	}
	if strings.TrimSpace(text) == "" {
		return ErrEmpty
	}
	old, err := c.Message(id)
	if err != nil {
		return err
	}
	if old.Role != chat.Assistant {
		return errors.New("this is not an answer: edit it as your own message")
	}
	if c.busy(old.ChatID) {
		return ErrBusy
	}
	err = c.store.transact(c.ctx, func(tx *sql.Tx) error {
		m := Message{ChatID: old.ChatID, ParentID: old.ParentID, Role: chat.Assistant, Content: text, Created: time.Now(), Status: StatusComplete, Model: old.Model}
		return c.store.insert(c.ctx, tx, &m)
	})
	if err != nil {
		return fmt.Errorf("keeping the edited answer: %w", err)
	}
	c.signals.publish(MessagesChanged{old.ChatID})
	c.signals.publish(ChatsChanged{})
	return nil
}

// busy reports whether an answer is on its way in a chat.
func (c *Chats) busy(chatID int64) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.live[chatID] != nil
}

// DeleteMessage takes the message id and all that followed it off its chat. Where it was shown, another version is shown instead, the
// one made before it first, or else the chat ends before it. RestoreMessage brings it back, for 30 days.
func (c *Chats) DeleteMessage(id int64) error {
	if t := c.of(id); t != c {
		return t.DeleteMessage(id)
	}
	m, err := c.Message(id)
	if err != nil {
		return err
	}
	if c.busy(m.ChatID) {
		return ErrBusy
	}
	err = c.store.transact(c.ctx, func(tx *sql.Tx) error {
		branch, err := c.store.branch(c.ctx, tx, m.ChatID)
		if err != nil {
			return err
		}
		if _, err := tx.ExecContext(c.ctx, `WITH RECURSIVE below (id) AS (SELECT ?1 UNION ALL SELECT m.id FROM below b JOIN messages m ON m.parent_id = b.id)
			UPDATE messages SET removed = ?2 WHERE id IN below AND removed IS NULL`, id, time.Now().UnixMilli()); err != nil {
			return err
		}
		if !slices.ContainsFunc(branch, func(b Message) bool { return b.ID == id }) {
			return nil
		}
		var sibling int64
		err = tx.QueryRowContext(c.ctx, `SELECT s.id FROM messages m JOIN messages s ON s.chat_id = m.chat_id AND s.parent_id IS m.parent_id
			WHERE m.id = ? AND s.removed IS NULL ORDER BY s.id < m.id DESC, abs(s.id - m.id) LIMIT 1`, id).Scan(&sibling)
		if err == nil {
			return c.showFrom(tx, m.ChatID, sibling)
		}
		if !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		_, err = tx.ExecContext(c.ctx, "UPDATE chats SET leaf = ? WHERE id = ?", sql.NullInt64{Int64: m.ParentID, Valid: m.ParentID != 0}, m.ChatID)
		return err
	})
	if err != nil {
		return fmt.Errorf("deleting a message: %w", err)
	}
	c.signals.publish(MessagesChanged{m.ChatID})
	return nil
}

// RestoreMessage undoes DeleteMessage, and shows what it brings back.
func (c *Chats) RestoreMessage(id int64) error {
	if t := c.of(id); t != c {
		return t.RestoreMessage(id)
	}
	m, err := c.Message(id)
	if err != nil {
		return err
	}
	if c.busy(m.ChatID) {
		return ErrBusy
	}
	err = c.store.transact(c.ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(c.ctx, `WITH RECURSIVE below (id) AS (SELECT ?1 UNION ALL SELECT m.id FROM below b JOIN messages m ON m.parent_id = b.id)
			UPDATE messages SET removed = NULL WHERE id IN below AND removed = (SELECT removed FROM messages WHERE id = ?1)`, id)
		if err != nil {
			return err
		}
		return c.showFrom(tx, m.ChatID, id)
	})
	if err != nil {
		return fmt.Errorf("restoring a message: %w", err)
	}
	c.signals.publish(MessagesChanged{m.ChatID})
	return nil
}

// showFrom shows the branch that id is on, with the latest messages after it.
func (c *Chats) showFrom(tx *sql.Tx, chatID, id int64) error {
	for leaf := id; ; {
		var child int64
		err := tx.QueryRowContext(c.ctx, "SELECT id FROM messages WHERE parent_id = ? AND removed IS NULL ORDER BY id DESC LIMIT 1", leaf).Scan(&child)
		if errors.Is(err, sql.ErrNoRows) {
			_, err = tx.ExecContext(c.ctx, "UPDATE chats SET leaf = ? WHERE id = ?", leaf, chatID)
			return err
		}
		if err != nil {
			return err
		}
		leaf = child
	}
}
