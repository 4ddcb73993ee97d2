package app

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"burble/inference/chat"
)

// Marks around a match, in what SQLite's snippet function returns. They are control characters that no text holds.
const matchStart, matchEnd = "\x02", "\x03"

// snippetWords is the most words of a snippet.
const snippetWords = 24

// Search finds messages that hold all words of query, the last of which may have been begun only, and chats whose title
// holds the query: titles first, then the newest messages. A message is found by its files, too: by their names, or by a passage of
// one that holds all words. In messages and files, case and accents make no difference. Text of
// languages written without spaces is found by its characters. Hits in branches that are not shown are found, too: Show
// brings them up.
func (c *Chats) Search(query string, limit int) ([]Hit, error) {
	query = strings.TrimSpace(query)
	if query == "" || limit <= 0 {
		return nil, nil
	}
	hits, err := c.searchTitles(query, limit)
	if err != nil {
		return nil, fmt.Errorf("searching: %w", err)
	}
	var found []Hit
	if strings.ContainsFunc(query, unspaced) {
		found, err = c.searchCharacters(query, limit-len(hits))
	} else if match := matchQuery(query); match != "" {
		found, err = c.searchWords(match, limit-len(hits))
	}
	if err != nil {
		return nil, fmt.Errorf("searching: %w", err)
	}
	files, err := c.searchFiles(query, limit-len(hits))
	if err != nil {
		return nil, fmt.Errorf("searching attached files: %w", err)
	}
	return append(hits, mergeHits(found, files, limit-len(hits))...), nil
}

// unspaced reports whether r belongs to a language written without spaces between words.
func unspaced(r rune) bool {
	return r >= 0x0e00 && unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Thai, unicode.Lao, unicode.Khmer, unicode.Myanmar)
}

// matchQuery turns what the user typed into an FTS5 query: every word in quotes, so that nothing in it is an operator.
func matchQuery(query string) string {
	words := queryWords(query)
	if len(words) == 0 {
		return ""
	}
	for i, w := range words {
		words[i] = `"` + w + `"`
	}
	return strings.Join(words, " ") + "*"
}

// likePattern matches what holds text.
func likePattern(text string) string {
	return "%" + strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`).Replace(text) + "%"
}

func (c *Chats) searchTitles(query string, limit int) ([]Hit, error) {
	return c.search(c.ctx, func(h *Hit, text string) { h.Snippet, h.Matches = excerpt(text, query) },
		`SELECT id, 0, title, '', updated, archived IS NOT NULL, title FROM chats WHERE deleted IS NULL AND title LIKE ? ESCAPE '\'
		ORDER BY updated DESC LIMIT ?`, likePattern(query), limit)
}

func (c *Chats) searchWords(match string, limit int) ([]Hit, error) {
	return c.search(c.ctx, func(h *Hit, text string) { h.Snippet, h.Matches = unmark(text) },
		fmt.Sprintf(`SELECT m.chat_id, m.id, c.title, m.role, m.created, c.archived IS NOT NULL,
			snippet(messages_text, 0, char(2), char(3), '…', %d)
		FROM messages_text JOIN messages m ON m.id = messages_text.rowid JOIN chats c ON c.id = m.chat_id
		WHERE messages_text MATCH ? AND c.deleted IS NULL AND m.removed IS NULL ORDER BY messages_text.rowid DESC LIMIT ?`, snippetWords), match, limit)
}

// searchCharacters looks at the messages that have all pairs of characters of the query, and at those that are not indexed so.
func (c *Chats) searchCharacters(query string, limit int) ([]Hit, error) {
	quote := func(h *Hit, text string) { h.Snippet, h.Matches = excerpt(text, query) }
	const columns = "SELECT m.chat_id, m.id, c.title, m.role, m.created, c.archived IS NOT NULL, m.content "
	const which = ` AND m.content LIKE ? ESCAPE '\' AND m.status <> 'streaming' AND c.deleted IS NULL AND m.removed IS NULL ORDER BY m.id DESC LIMIT ?`
	hits, err := c.search(c.ctx, quote, columns+`FROM messages_pairs p JOIN messages m ON m.id = p.rowid JOIN chats c ON c.id = m.chat_id
		WHERE messages_pairs MATCH ?`+strings.Replace(which, "BY m.id", "BY p.rowid", 1), pairsQuery(query), likePattern(query), limit)
	if err != nil {
		return nil, err
	}
	others, err := c.search(c.ctx, quote, columns+`FROM messages m INDEXED BY messages_unspaced JOIN chats c ON c.id = m.chat_id
		WHERE m.unspaced IS NULL`+which, likePattern(query), limit)
	if err != nil {
		return nil, err
	}
	hits = append(hits, others...)
	slices.SortFunc(hits, func(a, b Hit) int { return cmp.Compare(b.MessageID, a.MessageID) })
	return hits[:min(len(hits), limit)], nil
}

// search reads hits. quote sets a hit's snippet from the last column.
func (c *Chats) search(ctx context.Context, quote func(h *Hit, text string), query string, args ...any) ([]Hit, error) {
	rows, err := c.store.db.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var hits []Hit
	for rows.Next() {
		var h Hit
		var role, text string
		var created int64
		if err := rows.Scan(&h.ChatID, &h.MessageID, &h.Title, &role, &created, &h.Archived, &text); err != nil {
			return nil, err
		}
		h.Role, h.Created = chat.Role(role), millis(created)
		quote(&h, text)
		hits = append(hits, h)
	}
	return hits, rows.Err()
}

// unmark takes the marks out of a snippet and returns where they were.
func unmark(marked string) (text string, matches [][2]int) {
	var b strings.Builder
	start := 0
	for marked != "" {
		i := strings.IndexAny(marked, matchStart+matchEnd)
		if i < 0 {
			break
		}
		b.WriteString(marked[:i])
		if marked[i:i+1] == matchStart {
			start = b.Len()
		} else {
			matches = append(matches, [2]int{start, b.Len()})
		}
		marked = marked[i+1:]
	}
	b.WriteString(marked)
	return b.String(), matches
}

// excerptLength is how many characters of text an excerpt has on either side of the first match.
const excerptLength = 40

// excerpt cuts out the surroundings of the first place in text that is query, and marks all such places in it.
func excerpt(text, query string) (snippet string, matches [][2]int) {
	i, n := indexFold(text, query)
	if i < 0 {
		return text, nil
	}
	from, to := i, i+n
	for range excerptLength {
		_, size := utf8.DecodeLastRuneInString(text[:from])
		from -= size
		_, size = utf8.DecodeRuneInString(text[to:])
		to += size
	}
	snippet = text[from:to]
	if from > 0 {
		snippet = "…" + snippet
	}
	if to < len(text) {
		snippet += "…"
	}
	for at := 0; ; {
		i, n := indexFold(snippet[at:], query)
		if i < 0 {
			return snippet, slices.Clip(matches)
		}
		matches = append(matches, [2]int{at + i, at + i + n})
		at += i + n
	}
}

// indexFold returns where text holds query and how many bytes long it is there, whatever the case of letters; -1 where
// it doesn't.
func indexFold(text, query string) (at, n int) {
	length := utf8.RuneCountInString(query)
	for i := range text {
		end := i
		for range length {
			_, size := utf8.DecodeRuneInString(text[end:])
			end += size
		}
		if strings.EqualFold(text[i:end], query) {
			return i, end - i
		}
	}
	return -1, 0
}
