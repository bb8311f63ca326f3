// Package check runs the tests of a Go suite: a line a test, a time limit each, several at once.
package check

import (
	"context"
	"fmt"
	"os"
	"reflect"
	"regexp"
	"strings"
	"sync"
	"time"
)

// Limit is the time a test may take.
const Limit = 60 * time.Second

// T is a test that runs. Its methods end the test by a panic that Main catches.
type T struct {
	Ctx    context.Context
	Broker string
	prefix string
	names  int
	lock   sync.Mutex
}

// Test is a named test.
type Test struct {
	Name string
	Run  func(*T)
}

type failure string
type skipped string

// Fail ends the test.
func (t *T) Fail(format string, args ...any) { panic(failure(fmt.Sprintf(format, args...))) }

// Skip ends the test without a verdict.
func (t *T) Skip(format string, args ...any) { panic(skipped(fmt.Sprintf(format, args...))) }

// Ok fails on an error.
func (t *T) Ok(err error, what string) {
	if err != nil {
		t.Fail("%s: %v", what, err)
	}
}

// Equal fails when two values differ.
func (t *T) Equal(got, want any, what string) {
	if !reflect.DeepEqual(got, want) {
		t.Fail("%s: got %v, want %v", what, got, want)
	}
}

// That fails when a condition does not hold.
func (t *T) That(holds bool, format string, args ...any) {
	if !holds {
		t.Fail(format, args...)
	}
}

// Until waits for a condition and fails when the test's time is over.
func (t *T) Until(what string, holds func() bool) {
	for !holds() {
		select {
		case <-t.Ctx.Done():
			t.Fail("waited in vain: %s", what)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// Name makes a name nobody else uses.
func (t *T) Name(kind string) string {
	t.lock.Lock()
	defer t.lock.Unlock()
	t.names++
	return fmt.Sprintf("%s-%s%d", t.prefix, kind, t.names)
}

// Main runs the tests whose names match the second argument; the first is the broker. The exit code tells of failures.
func Main(tests []Test) {
	if len(os.Args) < 2 {
		fmt.Fprintln(os.Stderr, "usage: HOST:PORT [REGEX]")
		os.Exit(64)
	}
	pick := regexp.MustCompile(".")
	if len(os.Args) > 2 {
		pick = regexp.MustCompile(os.Args[2])
	}
	var waiting sync.WaitGroup
	var out sync.Mutex
	failed := false
	slots := make(chan struct{}, 6)
	for _, test := range tests {
		if !pick.MatchString(test.Name) {
			continue
		}
		slots <- struct{}{}
		waiting.Go(func() {
			defer func() { <-slots }()
			line := run(test)
			out.Lock()
			defer out.Unlock()
			fmt.Println(line)
			failed = failed || strings.HasPrefix(line, "FAIL")
		})
	}
	waiting.Wait()
	if failed {
		os.Exit(1)
	}
}

func run(test Test) string {
	ctx, cancel := context.WithTimeout(context.Background(), Limit)
	defer cancel()
	stamp := time.Now().UnixMilli() % 100000000
	t := &T{Ctx: ctx, Broker: os.Args[1], prefix: fmt.Sprintf("%s-%d", strings.NewReplacer("/", "-", " ", "-").Replace(test.Name), stamp)}
	done := make(chan string, 1)
	go func() {
		defer func() {
			switch what := recover().(type) {
			case nil:
				done <- "PASS " + test.Name
			case failure:
				done <- oneLine("FAIL " + test.Name + " " + string(what))
			case skipped:
				done <- oneLine("SKIP " + test.Name + " " + string(what))
			default:
				done <- oneLine(fmt.Sprintf("FAIL %s panic: %v", test.Name, what))
			}
		}()
		test.Run(t)
	}()
	select {
	case line := <-done:
		return line
	case <-time.After(Limit + 5*time.Second):
		return "FAIL " + test.Name + " took more than a minute"
	}
}

func oneLine(text string) string {
	text = strings.Join(strings.Fields(text), " ")
	if len(text) > 300 {
		text = text[:300]
	}
	return text
}
