package app

import (
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"burble/inference"
)

func TestSearch(t *testing.T) {
	a, f := start(t, t.TempDir())
	ask := func(question, answer string) Chat {
		t.Helper()
		c := newChat(t, a)
		if err := a.Chats.Send(c.ID, question); err != nil {
			t.Fatal(err)
		}
		f.mu.Lock()
		id := f.ids[len(f.ids)-1]
		f.mu.Unlock()
		f.answer(id, answer)
		settled(t, a, c.ID)
		return c
	}
	cafe := ask("Where is the Café?", "The café is at the corner, beside the \"old\" bakery.")
	cjk := ask("東京の天気はどうですか", "東京は晴れです。")
	long := ask("A very long question", strings.Repeat("filler ", 200)+"needle "+strings.Repeat("filler ", 200))
	gone := ask("Where is the needle?", "Gone")
	if err := a.Chats.Delete(gone.ID); err != nil {
		t.Fatal(err)
	}

	for _, c := range []struct {
		query string
		chat  int64 // 0: nothing is found
		hits  int
		match string // a text that is marked
	}{
		{"cafe", cafe.ID, 2, "Café"}, // the accent makes no difference
		{"CAF", cafe.ID, 3, "CAF"},   // begun; also the title
		{"corner bakery", cafe.ID, 1, "bakery"},
		{`"old" AND (NOT`, 0, 0, ""}, // operators are words
		{`"old"`, cafe.ID, 1, "old"},
		{"東京", cjk.ID, 3, "東京"},
		{"天気", cjk.ID, 2, "天気"},
		{"needle", long.ID, 1, "needle"},
		{"long", long.ID, 2, "long"},
		{"100%", 0, 0, ""}, {"*", 0, 0, ""}, {"  ", 0, 0, ""}, {"\x02", 0, 0, ""},
	} {
		hits, err := a.Chats.Search(c.query, 10)
		if err != nil {
			t.Errorf("Search(%q): %v", c.query, err)
			continue
		}
		if len(hits) != c.hits {
			t.Errorf("Search(%q) found %d: %+v; want %d", c.query, len(hits), hits, c.hits)
			continue
		}
		marked := false
		for _, h := range hits {
			if h.ChatID != c.chat || len(h.Snippet) > 400 {
				t.Errorf("Search(%q) found %+v", c.query, h)
			}
			for _, m := range h.Matches {
				marked = marked || strings.EqualFold(h.Snippet[m[0]:m[1]], c.match)
			}
		}
		if len(hits) > 0 && !marked {
			t.Errorf("Search(%q) marks nothing like %q: %+v", c.query, c.match, hits)
		}
	}
	if hits, err := a.Chats.Search("filler", 1); err != nil || len(hits) != 1 {
		t.Errorf("a limit of 1 gives %d hits, %v", len(hits), err)
	}

	// A message that goes on is indexed as it ends.
	if err := a.Chats.Continue(cafe.ID); err != nil {
		t.Fatal(err)
	}
	f.mu.Lock()
	id := f.ids[len(f.ids)-1]
	f.mu.Unlock()
	f.send(inference.Token{ID: id, Text: " Zanzibar"}, inference.Done{ID: id, Reason: inference.FinishStop})
	settled(t, a, cafe.ID)
	for query, want := range map[string]int{"zanzibar": 1, "bakery": 1} {
		if hits, err := a.Chats.Search(query, 10); err != nil || len(hits) != want {
			t.Errorf("Search(%q) = %+v, %v", query, hits, err)
		}
	}
	if _, err := a.store.db.Exec("INSERT INTO messages_text (messages_text, rank) VALUES ('integrity-check', 1)"); err != nil {
		t.Errorf("the index differs from the messages: %v", err)
	}
}

func TestExcerpt(t *testing.T) {
	text := strings.Repeat("あ", 100) + "Ⅷ天気ⅷ" + strings.Repeat("い", 100)
	s, m := excerpt(text, "天気")
	if want := "…" + strings.Repeat("あ", 39) + "Ⅷ天気ⅷ" + strings.Repeat("い", 39) + "…"; s != want || len(m) != 1 || s[m[0][0]:m[0][1]] != "天気" {
		t.Errorf("excerpt = %q %v", s, m)
	}
	if s, m := unmark("a \x02b\x03 c \x02d\x03"); s != "a b c d" || !slices.Equal(m, [][2]int{{2, 3}, {6, 7}}) {
		t.Errorf("unmark = %q %v", s, m)
	}
}

// BenchmarkUnspaced searches 200,000 messages in Japanese, of which one has what is looked for, or every hundredth.
func BenchmarkUnspaced(b *testing.B) {
	a, _ := start(b, b.TempDir())
	words := strings.Fields("今日は とても 良い 一日 でした 明日も 同じ ように 過ごす つもり です 朝早く 起きて 散歩を して から 仕事を 始め ます")
	err := a.store.transact(a.Chats.ctx, func(tx *sql.Tx) error {
		if _, err := tx.Exec("INSERT INTO chats (id, created, updated) VALUES (1, 1, 1)"); err != nil {
			return err
		}
		for i := range 200_000 {
			text := strings.Repeat(strings.Join(words[i%9:], ""), 2)
			if i%100 == 0 {
				text += "天気"
			}
			if i == 1234 {
				text += "珍獣"
			}
			m := Message{ChatID: 1, Role: "user", Content: text, Status: StatusComplete}
			if err := a.store.insert(a.Chats.ctx, tx, &m); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
	for query, want := range map[string]int{"珍獣": 1, "天気": 50, "散歩を": 50, "無関係": 0, "今": 50} {
		b.Run(query, func(b *testing.B) {
			for b.Loop() {
				if hits, err := a.Chats.Search(query, 50); err != nil || len(hits) != want {
					b.Fatal(len(hits), err)
				}
			}
		})
	}
}

// BenchmarkManyChats measures what the window does first, with 10,000 chats of 20 messages.
func BenchmarkManyChats(b *testing.B) {
	dir := b.TempDir()
	a, _ := start(b, dir)
	now := time.Now().UnixMilli()
	words := strings.Fields("the model reads a question about strings and answers with code that cuts slices around the first instance of sep")
	err := a.store.transact(a.Chats.ctx, func(tx *sql.Tx) error {
		for c := range 10_000 {
			if _, err := tx.Exec("INSERT INTO chats (id, title, created, updated) VALUES (?, ?, ?, ?)", c+1, fmt.Sprintf("Chat %d", c), now, now+int64(c)); err != nil {
				return err
			}
			for m := range 20 {
				text := fmt.Sprintf("%s number%d %s", strings.Join(words[m%7:], " "), c*20+m, strings.Repeat(words[c%len(words)]+" ", 30))
				var parent any
				if m > 0 {
					parent = c*20 + m
				}
				if _, err := tx.Exec("INSERT INTO messages (id, chat_id, parent_id, role, content, created, status, unspaced) VALUES (?, ?, ?, 'user', ?, ?, 'complete', 0)",
					c*20+m+1, c+1, parent, text, now); err != nil {
					return err
				}
			}
			if _, err := tx.Exec("UPDATE chats SET leaf = ? WHERE id = ?", c*20+20, c+1); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
	b.Run("List", func(b *testing.B) {
		for b.Loop() {
			if list, err := a.Chats.List(); err != nil || len(list) != 10_000 {
				b.Fatal(len(list), err)
			}
		}
	})
	b.Run("Messages", func(b *testing.B) {
		for b.Loop() {
			if list, err := a.Chats.Messages(5000); err != nil || len(list) != 20 {
				b.Fatal(len(list), err)
			}
		}
	})
	for _, query := range []string{"number123456", "the", "slices number19", "天気", "question about n"} {
		b.Run("Search "+query, func(b *testing.B) {
			for b.Loop() {
				if _, err := a.Chats.Search(query, 50); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	b.Run("New", func(b *testing.B) {
		for b.Loop() {
			o := folders(dir)
			o.Engine = newFake()
			other, err := New(b.Context(), o)
			if err != nil {
				b.Fatal(err)
			}
			other.Close()
		}
	})
}

// TestUnspaced wants a message to be known for having no text without spaces, or to be looked through.
func TestUnspaced(t *testing.T) {
	a, f := start(t, t.TempDir())
	c := newChat(t, a)
	must(t, a.Chats.Send(c.ID, "plain, Ünïcödé — “quotes” 😀 طيور привет"))
	id, _ := f.asked(t, 1)
	f.answer(id, "the weather is 天気")
	settled(t, a, c.ID)
	var marks []sql.NullInt64
	rows, err := a.store.db.Query("SELECT unspaced FROM messages ORDER BY id")
	must(t, err)
	defer rows.Close()
	for rows.Next() {
		var m sql.NullInt64
		must(t, rows.Scan(&m))
		marks = append(marks, m)
	}
	if want := []sql.NullInt64{{Int64: 0, Valid: true}, {Int64: 1, Valid: true}}; !slices.Equal(marks, want) {
		t.Errorf("marked %v, want %v", marks, want)
	}
	// What an older version wrote, or one that was killed in the middle, is found all the same.
	_, err = a.store.db.Exec("UPDATE messages SET content = '天気予報', unspaced = NULL WHERE role = 'user'")
	must(t, err)
	must(t, a.Chats.Send(c.ID, "ภาษาไทยง่าย and 東京 123"))
	id, _ = f.asked(t, 2)
	f.send(inference.Token{ID: id, Text: "東京都の天", Tokens: 1})
	f.answer(id, "気")
	settled(t, a, c.ID)
	for query, want := range map[string]int{"天気": 3, "予報": 1, "天": 3, "気": 3, "東京": 2, "東京都の天気": 1, "東京 123": 1, "東京都 123": 0, "京東": 0, "ไทยง่าย": 1, "is 天気": 1} {
		if hits, err := a.Chats.Search(query, 5); err != nil || len(hits) != want {
			t.Errorf("Search(%q) = %+v, %v", query, hits, err)
		}
	}
}
