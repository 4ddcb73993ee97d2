package main

import (
	"math/rand/v2"
	"strings"
	"unicode"
)

// Ways to ask for what a thing is, how something is done, and where something is.
var (
	defForms = []string{
		"What is {x}?", "What are {x}?", "What does {x} mean?", "Explain {x}.", "Can you explain {x}?", "Tell me about {x}.",
		"What do you know about {x}?", "{x}?", "{x}", "Define {x}.", "The meaning of {x}?", "What exactly is {x}?", "What's {x}?",
		"I want to know what {x} is.", "Could you tell me what {x} is?", "I have heard of {x}, what is it?", "Describe {x}.",
		"Give me a short explanation of {x}.", "I don't know what {x} means.", "Why do I need {x}?", "What is {x} good for?",
		"What is {x} used for?", "How does {x} work?", "Info about {x}", "{x} explained", "What is meant by {x}?", "What does {x} do?",
		"Explain {x} to me.", "What should I know about {x}?", "I read about {x}. What is that?", "Is {x} important?", "What is that, {x}?",
		"Help me understand {x}.", "Do you know {x}?", "Say something about {x}.", "What can you tell me about {x}?", "{x}, what is it?",
		"What do I need {x} for?", "When would I use {x}?", "When do I need {x}?", "Should I use {x}?", "Do I want {x}?", "What would {x} do for me?",
		"What is {x} all about?", "In short, what is {x}?", "Give me a quick summary of {x}.", "There is something called {x}, what is it?",
		"Somebody mentioned {x}.", "What does {x} tell me?", "I see {x}, what is it?", "I stumbled over {x}. What is it?", "What's the deal with {x}?",
		"What's the idea behind {x}?", "What happens with {x}?", "Why is there {x}?", "Why does {x} matter?", "What kind of thing is {x}?", "{x} meaning",
		"I keep reading about {x}.", "I have no idea what {x} is.", "Never heard of {x}.", "What role does {x} play?", "Can you say what {x} is about?",
	}
	howForms = []string{
		"How do I {x}?", "How can I {x}?", "How to {x}?", "How does one {x}?", "What is the way to {x}?", "I want to {x}.", "I would like to {x}.",
		"I'd like to {x}, how?", "Is it possible to {x}?", "Can I {x}?", "Can you tell me how to {x}?", "Show me how to {x}.", "The steps to {x}?",
		"What do I have to do to {x}?", "{x}", "What's the best way to {x}?", "Help me {x}.", "I need to {x}.", "I am trying to {x}.",
		"Where can I {x}?", "What must I do to {x}?", "Teach me to {x}.", "Explain how to {x}.", "Is there a way to {x}?", "I can't find out how to {x}.",
		"How would I {x}?", "How should I {x}?", "What do I do if I want to {x}?", "Could you explain how I can {x}?", "Please {x}.", "Is there an easy way to {x}?",
		"How is it done: {x}?", "I wish to {x}, what now?", "What is needed to {x}?", "Let me {x}.", "How may I {x}?",
		"How could I {x}?", "Could I {x}?", "Could one {x}?", "Would it be possible to {x}?", "Any chance to {x}?", "Am I able to {x}?", "Does it let me {x}?",
		"What do I press to {x}?", "What do I click to {x}?", "Which key do I press to {x}?", "Which setting lets me {x}?", "No idea how to {x}.",
		"What's the trick to {x}?", "I'd love to {x}.", "How did they mean me to {x}?", "Where do I go to {x}?", "May I {x}?", "It would be nice to {x}.",
		"Is {g} possible?", "Is {g} supported?", "Is there support for {g}?", "Does it support {g}?", "Any way of {g}?", "How does {g} work?", "What about {g}?",
		"Which button is for {g}?", "Which command is for {g}?", "Where is the button for {g}?", "I need help with {g}.", "Tell me about {g}.", "{g}?", "{g}",
		"Is {g} difficult?", "How do people go about {g}?", "What is the key for {g}?",
	}
	whereForms = []string{
		"Where is {x}?", "Where are {x}?", "Where do I find {x}?", "Where can I find {x}?", "I can't find {x}.", "Show me {x}.", "How do I find {x}?",
		"The location of {x}?", "Where can I see {x}?", "Can you tell me where {x} is?", "Where can I get {x}?", "I am looking for {x}.", "Where would I find {x}?", "Where did they put {x}?", "Where have they hidden {x}?", "Where does it keep {x}?", "Where do I look for {x}?",
		"Where should I look for {x}?", "Which place has {x}?", "In which folder is {x}?", "On which page is {x}?", "{x}, where is that?",
	}
	openings = []string{
		"Hi, ", "Hello! ", "Hello, ", "Please: ", "Quick question: ", "One question: ", "Sorry, but ", "So, ", "Okay, ", "Hey, ", "Excuse me, ",
		"Could you tell me: ", "Just wondering: ", "I have a question: ", "Well, ", "And ", "But ", "Good morning! ", "Thanks! ", "Ok. ", "Tell me, ", "Maybe you know: ",
		"My wife asked me: ", "A friend wants to know: ", "Not sure if this is the right place, but ", "I read the manual, but still: ", "Bear with me: ",
		"As a beginner: ", "Dumb question: ", "Maybe a stupid question, but ", "Hi guide, ", "Dear guide, ", "Hi Burble, ", "Hmm, ", "Um, ", "ok so ", "Right, ",
		"Listen, ", "Do you know: ", "Help: ", "Another thing: ", "Next question: ", "One more: ", "By the way, ", "btw ", "Also, ", "Now, ", "I've tried for an hour: ",
		"Seriously, ", "Honestly, ", "I was wondering: ", "Yesterday it came to my mind: ", "Before I go on: ",
	}
	endings = []string{
		" Please.", " Thanks!", " Please help.", " I am new to this.", " I'm confused.", " Thank you.", " I am a beginner.", " Any idea?", " I don't get it.",
		" Please explain.", " Can you help?", " It's urgent.", " Just asking.",
	}
	endingsInside = []string{" in Burble", " with Burble", " in this app", " in this program", " here", " on my computer", " in burble"}
)

// synonyms are words that may stand for each other in questions about Burble.
var synonyms = makeSynonyms(
	"model|LLM|language model", "models|LLMs|language models", "GPU|graphics card|video card|card", "GPUs|graphics cards|cards", "CPU|processor",
	"memory|RAM", "answer|reply|response|output", "answers|replies|responses", "chat|conversation|thread", "chats|conversations", "program|app|application|software",
	"settings|options|preferences|configuration", "download|get|fetch", "large|big|huge", "larger|bigger", "small|tiny|little", "fast|quick", "slow|sluggish",
	"computer|PC|machine|laptop|desktop", "folder|directory", "delete|remove|erase", "find|locate", "use|run", "quantisation|quantization|quant", "quantisations|quantizations|quants",
	"stop|halt|cancel", "change|modify|adjust|alter", "show|display", "begin|start", "open|load", "choose|select|pick", "good|decent", "best|ideal", "message|prompt",
	"need|require", "text|words", "store|save|keep", "explain|describe", "supported|possible", "window|screen", "error|message", "my|the", "does|will", "can|could", "should|must",
	"dark|black", "speed|performance", "faster|quicker", "writes|produces|generates", "size|length", "wrong|incorrect", "internet|web|network", "copy|duplicate",
)

func makeSynonyms(groups ...string) map[string][]string {
	m := map[string][]string{}
	for _, g := range groups {
		words := strings.Split(g, "|")
		for _, w := range words {
			for _, other := range words {
				if other != w {
					m[w] = append(m[w], other)
				}
			}
		}
	}
	return m
}

// asker makes questions at random.
type asker struct {
	*rand.Rand
	lists map[string][]string
}

func (a asker) one(list []string) string { return list[a.IntN(len(list))] }

func (a asker) chance(p float64) bool { return a.Float64() < p }

// ask makes a question that f answers. Outside, names and nouns are filled in.
func (a asker) ask(f *fact, outside bool) string {
	// Each kind counts by how much there is of it, but templates are many, so they count for more: a third at least.
	weights := [4]int{3 * len(f.Def), 3 * len(f.How), 2 * len(f.Where), 2 * len(f.Ask)}
	if forms := weights[0] + weights[1] + weights[2]; forms > 0 {
		weights[3] = min(weights[3], 2*forms)
	}
	pick := a.IntN(weights[0] + weights[1] + weights[2] + weights[3])
	var q string
	switch {
	case pick < weights[0]:
		q = fillIn(a.one(defForms), a.fill(a.one(f.Def)))
	case pick < weights[0]+weights[1]:
		q = fillIn(a.one(howForms), a.fill(a.one(f.How)))
	case pick < weights[0]+weights[1]+weights[2]:
		q = fillIn(a.one(whereForms), a.fill(a.one(f.Where)))
	default:
		q = a.fill(a.one(f.Ask))
	}
	return a.vary(q, outside)
}

// followUp makes a question that only makes sense after another.
func (a asker) followUp(f *fact) string {
	if len(f.Follow) > 0 {
		return a.vary(a.one(f.Follow), true)
	}
	forms := []string{"And {x}?", "What about {x}?", "And what is {x}?", "How about {x}?", "And what about {x}?"}
	return a.vary(fillIn(a.one(forms), a.one(f.Def)), true)
}

func fillIn(form, x string) string {
	if strings.Contains(form, "{g}") {
		form, x = strings.ReplaceAll(form, "{g}", "{x}"), gerund(x)
	}
	if strings.HasPrefix(form, "{x}") && x != "" {
		x = strings.ToUpper(x[:1]) + x[1:]
	}
	return strings.ReplaceAll(form, "{x}", x)
}

// gerund makes "loading a model" of "load a model", by the rules of spelling that fit most verbs.
func gerund(x string) string {
	verb, rest, _ := strings.Cut(x, " ")
	n := len(verb)
	vowel := func(c byte) bool { return strings.IndexByte("aeiou", c) >= 0 }
	switch {
	case n < 2 || verb == "be" || verb == "see" || verb == "free":
	case strings.HasSuffix(verb, "ie"):
		verb = verb[:n-2] + "y"
	case verb[n-1] == 'e' && verb[n-2] != 'e':
		verb = verb[:n-1]
	case n >= 3 && n <= 4 && !vowel(verb[n-1]) && vowel(verb[n-2]) && !vowel(verb[n-3]) && strings.IndexByte("wxy", verb[n-1]) < 0 && verb != "open":
		verb += verb[n-1:]
	}
	return strings.TrimSpace(verb + "ing " + rest)
}

// fill replaces {noun} and the like by one of the list, or by a word that doesn't exist: what it has never heard of, the guide
// doesn't know.
func (a asker) fill(s string) string {
	var b strings.Builder
	for {
		before, rest, _ := strings.Cut(s, "{")
		b.WriteString(before)
		if len(before) == len(s) {
			return b.String()
		}
		kind, after, closed := strings.Cut(rest, "}")
		switch {
		case kind == "number":
			b.WriteString(a.digits(1 + a.IntN(4)))
		case !closed || a.lists[kind] == nil: // a brace that somebody typed, or {x} of a form
			b.WriteByte('{')
			s = rest
			continue
		case a.chance(0.2):
			b.WriteString(a.invent(kind != "noun"))
		default:
			b.WriteString(a.one(a.lists[kind]))
		}
		s = after
	}
}

func (a asker) digits(n int) string {
	b := []byte{byte('1' + a.IntN(9))}
	for range n - 1 {
		b = append(b, byte('0'+a.IntN(10)))
	}
	return string(b)
}

// invent makes a word of syllables.
func (a asker) invent(name bool) string {
	var b strings.Builder
	for range 1 + a.IntN(3) {
		b.WriteString(a.one([]string{"b", "br", "c", "ch", "d", "dr", "f", "g", "gr", "h", "j", "k", "l", "m", "n", "p", "pl", "qu", "r", "s", "sh", "st", "t", "tr", "v", "w", "z", ""}))
		b.WriteString(a.one([]string{"a", "e", "i", "o", "u", "ai", "ea", "ou", "y"}))
		b.WriteString(a.one([]string{"", "n", "r", "l", "s", "t", "m", "ck", "nd", "x"}))
	}
	w := b.String()
	if name {
		r := []rune(w)
		r[0] = unicode.ToUpper(r[0])
		w = string(r)
	}
	return w
}

// vary changes a question as people do: words that mean the same, a greeting, no punctuation, typing errors.
func (a asker) vary(q string, outside bool) string {
	if !outside && a.chance(0.5) {
		q = a.replace(q)
	}
	if a.chance(0.12) {
		q = a.drop(q)
	}
	if !outside && a.chance(0.12) {
		end := ""
		if n := len(q); n > 0 && strings.ContainsRune("?.!", rune(q[n-1])) {
			q, end = q[:n-1], q[n-1:]
		}
		q += a.one(endingsInside) + end
	}
	if a.chance(0.2) {
		q = a.one(openings) + q
	}
	if a.chance(0.12) {
		q += a.one(endings)
	}
	if a.chance(0.12) {
		q = a.mistype(q)
	}
	if a.chance(0.45) {
		q = strings.TrimRight(q, "?.! ")
	}
	if a.chance(0.45) {
		q = strings.ToLower(q)
	}
	if a.chance(0.02) {
		q = strings.ToUpper(q)
	}
	return strings.TrimSpace(q)
}

// replace puts synonyms for some of the words.
func (a asker) replace(q string) string {
	words := strings.Split(q, " ")
	for i, w := range words {
		core := strings.Trim(w, "?.,!:")
		if other := synonyms[core]; other != nil && a.chance(0.35) {
			words[i] = strings.Replace(w, core, a.one(other), 1)
		}
	}
	return strings.Join(words, " ")
}

// drop leaves out one small word.
func (a asker) drop(q string) string {
	words := strings.Split(q, " ")
	i := a.IntN(len(words))
	switch strings.ToLower(words[i]) {
	case "the", "a", "an", "is", "are", "do", "does", "i", "my", "to", "of", "for", "in", "it", "me":
		words = append(words[:i:i], words[i+1:]...)
	}
	return strings.Join(words, " ")
}

// mistype makes one or two typing errors.
func (a asker) mistype(q string) string {
	b := []byte(q)
	for range 1 + a.IntN(2) {
		if len(b) < 6 {
			break
		}
		i := 1 + a.IntN(len(b)-2)
		if b[i] >= 0x80 || b[i-1] >= 0x80 || b[i+1] >= 0x80 {
			continue
		}
		switch a.IntN(4) {
		case 0:
			b[i], b[i+1] = b[i+1], b[i]
		case 1:
			b = append(b[:i], b[i+1:]...)
		case 2:
			b = append(b[:i+1], b[i:]...)
		case 3:
			b[i] = byte('a' + a.IntN(26))
		}
	}
	return string(b)
}

// cut cuts a third of the questions within a word or two. Encoded piece by piece, a word then comes in smaller tokens than it usually does, as
// the forms of a word do that were never trained on (after BPE-dropout, Provilkov et al. 2020, arXiv:1910.13267).
func (a asker) cut(q string) []string {
	if !a.chance(0.33) {
		return []string{q}
	}
	letter := func(c byte) bool { return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' }
	var pieces []string
	for range 1 + a.IntN(3) {
		if len(q) < 4 {
			break
		}
		at := 1 + a.IntN(len(q)-2)
		if letter(q[at-1]) && letter(q[at]) {
			pieces, q = append(pieces, q[:at]), q[at:]
		}
	}
	return append(pieces, q)
}
