package proxy

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	pb "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/modgate/modgate/core/keyring/keyringtest"
	"github.com/modgate/modgate/core/message"
	"github.com/modgate/modgate/core/route"
)

// allKinds makes calls of all four kinds.
func allKinds(t *testing.T, client pb.TestServiceClient) {
	t.Helper()
	ctx, cancel := context.WithTimeout(metadata.AppendToOutgoingContext(t.Context(), "x-echo", "hello"), 20*time.Second)
	defer cancel()

	var header, trailer metadata.MD
	one, err := client.UnaryCall(ctx, &pb.SimpleRequest{Payload: payload(300_000)}, grpc.Header(&header), grpc.Trailer(&trailer))
	if err != nil || len(one.GetPayload().GetBody()) != 300_000 {
		t.Errorf("unary: %v", err)
	}
	if header.Get("x-echo")[0] != "hello" || header.Get("x-epoch")[0] != "7" || trailer.Get("x-trailer-bin")[0] != "\x00\xff" {
		t.Errorf("unary: header %v, trailer %v", header, trailer)
	}

	down, err := client.StreamingOutputCall(ctx, &pb.StreamingOutputCallRequest{ResponseParameters: []*pb.ResponseParameters{{Size: 1}, {Size: 200_000}, {Size: 0}}})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []int{1, 200_000, 0} {
		if m, err := down.Recv(); err != nil || len(m.GetPayload().GetBody()) != want {
			t.Errorf("server streaming: %v, %v; want %d bytes", len(m.GetPayload().GetBody()), err, want)
		}
	}
	if _, err := down.Recv(); !errors.Is(err, io.EOF) || down.Trailer().Get("x-sent")[0] != "3" {
		t.Errorf("server streaming ends with %v, %v", err, down.Trailer())
	}

	up, err := client.StreamingInputCall(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range []int{10, 100_000, 5} {
		if err := up.Send(&pb.StreamingInputCallRequest{Payload: payload(n)}); err != nil {
			t.Fatal(err)
		}
	}
	if sum, err := up.CloseAndRecv(); err != nil || sum.GetAggregatedPayloadSize() != 100_015 {
		t.Errorf("client streaming: %v, %v", sum, err)
	}

	both, err := client.FullDuplexCall(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range []int{1, 50_000, 2} { // each answered before the next
		if err := both.Send(&pb.StreamingOutputCallRequest{Payload: payload(n)}); err != nil {
			t.Fatal(err)
		}
		if m, err := both.Recv(); err != nil || len(m.GetPayload().GetBody()) != n {
			t.Fatalf("both streaming: %v, %v; want %d bytes", len(m.GetPayload().GetBody()), err, n)
		}
	}
	if err := both.CloseSend(); err != nil {
		t.Fatal(err)
	}
	if _, err := both.Recv(); status.Code(err) != codes.AlreadyExists || status.Convert(err).Message() != "all came; 100 % – good" {
		t.Errorf("both streaming ends with %v", err)
	}

	_, err = client.UnaryCall(ctx, &pb.SimpleRequest{ResponseStatus: &pb.EchoStatus{Code: int32(codes.NotFound), Message: "no\tsuch\r\nthing ☺"}})
	if status.Code(err) != codes.NotFound || status.Convert(err).Message() != "no\tsuch\r\nthing ☺" {
		t.Errorf("status: %v", err)
	}
}

func TestGRPCInClearText(t *testing.T) {
	g, m, i, _, client := grpcGate(t)
	g.ready(m, i)
	allKinds(t, client)
	eventually(t, "all runs ended", func() bool { return i.Runs() == 0 })
}

func TestGRPCUnderTLS(t *testing.T) {
	ca := keyringtest.New(t)
	_, ln := serveGRPC(t, grpc.Creds(serverCreds(ca)))
	server := &tls.Config{Certificates: []tls.Certificate{ca.Certificate("gw.test")}}
	withH2(server)
	g := start(t, func(o *Options) {
		o.ServerTLS, o.TLS = server, func() *tls.Config { return &tls.Config{RootCAs: ca.Pool()} }
	})
	i := instance("a", "m", "1.0.0", "https://"+ln.Addr().String())
	i.Protocol = message.H2
	g.ready(g.module("m", route.Entry{Path: "/grpc.testing.TestService/*"}), i)
	allKinds(t, grpcClient(t, g.address, credentials.NewTLS(&tls.Config{ServerName: "gw.test", RootCAs: ca.Pool()})))
}

// Many calls at once need one connection to the instance.
func TestGRPCCallsShareAConnection(t *testing.T) {
	_, ln := serveGRPC(t)
	g := start(t)
	i := instance("a", "m", "1.0.0", "http://"+ln.Addr().String())
	i.Protocol = message.H2C
	g.ready(g.module("m", route.Entry{Path: "/grpc.testing.TestService/{method}"}), i)
	client := grpcClient(t, g.address, insecure.NewCredentials())
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			if _, err := client.UnaryCall(t.Context(), &pb.SimpleRequest{Payload: payload(1000)}); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if n := ln.accepted.Load(); n != 1 {
		t.Errorf("%d connections, want one", n)
	}
}

// Calls that came while the module was away go on when it is back, whatever
// their kind (A5).
func TestParkedGRPCCallsAreReleasedByResume(t *testing.T) {
	g, m, i, _, client := grpcGate(t)
	g.away(m, message.ReasonUpdating, time.Minute)
	var both sync.WaitGroup
	both.Go(func() {
		var header metadata.MD
		if _, err := client.UnaryCall(t.Context(), &pb.SimpleRequest{Payload: payload(10)}, grpc.Header(&header)); err != nil {
			t.Errorf("unary: %v", err)
		}
		if got := header.Get("modgate-status"); len(got) != 1 || !strings.HasPrefix(got[0], `resume;module="m"`) {
			t.Errorf("modgate-status = %v", got)
		}
	})
	both.Go(func() {
		stream, err := client.FullDuplexCall(t.Context())
		if err != nil {
			t.Error(err)
			return
		}
		if err := stream.Send(&pb.StreamingOutputCallRequest{Payload: payload(10)}); err != nil {
			t.Error(err)
		}
		if m, err := stream.Recv(); err != nil || len(m.GetPayload().GetBody()) != 10 {
			t.Errorf("both streaming: %v, %v", m, err)
		}
		_ = stream.CloseSend()
	})
	eventually(t, "both parked", func() bool { return g.room.Parked("m").Parked == 2 })
	g.ready(m, i)
	both.Wait()
}

// told is what a client of gRPC is told by the gateway.
type told struct {
	code    codes.Code
	retry   time.Duration // of RetryInfo
	reason  string        // of ErrorInfo
	about   map[string]string
	trailer metadata.MD
}

func tell(t *testing.T, client pb.TestServiceClient, headers ...string) told {
	t.Helper()
	var out told
	ctx := metadata.AppendToOutgoingContext(t.Context(), headers...)
	_, err := client.UnaryCall(ctx, &pb.SimpleRequest{}, grpc.Trailer(&out.trailer))
	st := status.Convert(err)
	out.code = st.Code()
	for _, d := range st.Details() {
		switch d := d.(type) {
		case *errdetails.RetryInfo:
			out.retry = d.GetRetryDelay().AsDuration()
		case *errdetails.ErrorInfo:
			if d.GetDomain() != "modgate" {
				t.Errorf("domain = %q", d.GetDomain())
			}
			out.reason, out.about = d.GetReason(), d.GetMetadata()
		default:
			t.Errorf("detail %v", d)
		}
	}
	return out
}

func (o told) first(name string) string { return strings.Join(o.trailer.Get(name), "|") }

func TestGRPCClientIsToldInItsOwnWords(t *testing.T) {
	g, m, i, _, client := grpcGate(t)

	g.away(m, message.ReasonUpdating, 90*time.Second)
	got := tell(t, client, "prefer", "wait=0")
	if got.code != codes.Unavailable || got.reason != "DELAY" || got.retry <= 80*time.Second || got.about["module"] != "m" || got.about["reason"] != "updating" {
		t.Errorf("DELAY: %+v", got)
	}
	if !strings.HasPrefix(got.first("modgate-status"), `delay;module="m";reason=updating`) || got.first("retry-after") != "90" || len(got.first("grpc-retry-pushback-ms")) != 5 {
		t.Errorf("DELAY: trailers %v", got.trailer)
	}

	g.set(m, route.State{Availability: message.Missing, Reason: message.ReasonExpired, Since: time.Now()})
	got = tell(t, client)
	if got.code != codes.Unavailable || got.reason != "MISSING" || got.retry != 0 || got.first("grpc-retry-pushback-ms") != "-1" || got.about["reason"] != "expired" {
		t.Errorf("MISSING: %+v", got)
	}

	g.ready(m, i)
	if got := tell(t, client, "modgate-token", "nobody's"); got.code != codes.Unavailable || got.about["reason"] != "fenced" {
		t.Errorf("a fenced token: %+v", got)
	}
	if got := tell(t, client, "modgate-timeout", "soon"); got.code != codes.InvalidArgument {
		t.Errorf("a malformed request: %+v", got)
	}
	g.set(m, route.State{Availability: message.Ready, Serving: version(i), Identified: true})
	if got := tell(t, client); got.code != codes.Unauthenticated || got.reason != "TOKEN_REQUIRED" {
		t.Errorf("no token: %+v", got)
	}
	empty := start(t)
	if got := tell(t, grpcClient(t, empty.address, insecure.NewCredentials())); got.code != codes.Unimplemented || got.reason != "UNKNOWN" {
		t.Errorf("an unknown method: %+v", got)
	}
}

// Who cancels a call, or lets its deadline pass, ends the work at the module.
func TestGRPCCancellationAndDeadlineReachTheModule(t *testing.T) {
	g, m, i, s, client := grpcGate(t)
	g.ready(m, i)
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-s.began; cancel() }()
	if _, err := client.EmptyCall(ctx, &pb.Empty{}); status.Code(err) != codes.Canceled {
		t.Errorf("cancelled: %v", err)
	}
	<-s.ended

	ctx, cancel = context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if _, err := client.EmptyCall(ctx, &pb.Empty{}); status.Code(err) != codes.DeadlineExceeded {
		t.Errorf("too late: %v", err)
	}
	at, ok := (<-s.began).Deadline()
	if left := time.Until(at); !ok || left > 100*time.Millisecond {
		t.Errorf("the module has %v left, %v; want what the client gave", left, ok)
	}
	<-s.ended
	eventually(t, "all runs ended", func() bool { return i.Runs() == 0 })
}

// A module that dies in the midst of a stream ends it with a status.
func TestGRPCStreamThatBreaksOffHasAStatus(t *testing.T) {
	g, m, i, s, client := grpcGate(t)
	g.ready(m, i)
	stream, err := client.StreamingOutputCall(t.Context(), &pb.StreamingOutputCallRequest{ResponseParameters: []*pb.ResponseParameters{{Size: 10}, {Size: -1}}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := stream.Recv(); err != nil {
		t.Fatalf("the first message: %v", err)
	}
	close(s.heard)
	if _, err := stream.Recv(); status.Code(err) != codes.Unavailable {
		t.Errorf("afterwards: %v, want UNAVAILABLE", err)
	}
}

// A module that restarts at its address gets calls on a new connection.
func TestGRPCModuleThatRestartsIsReachedAgain(t *testing.T) {
	g, m, i, s, client := grpcGate(t)
	g.ready(m, i)
	if _, err := client.UnaryCall(t.Context(), &pb.SimpleRequest{}); err != nil {
		t.Fatal(err)
	}
	s.die()
	address := strings.TrimPrefix(i.Upstream, "http://")
	eventually(t, "it is gone", func() bool {
		c, err := net.Dial("tcp", address)
		if err == nil {
			c.Close()
		}
		return err != nil
	})
	ln, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer()
	pb.RegisterTestServiceServer(server, &service{})
	go func() { _ = server.Serve(ln) }()
	t.Cleanup(server.Stop)
	// A call may still be on its way to the process that is gone: it is not
	// repeatable, and UNAVAILABLE.
	eventually(t, "reached again", func() bool {
		_, err := client.UnaryCall(t.Context(), &pb.SimpleRequest{})
		if err != nil && status.Code(err) != codes.Unavailable {
			t.Fatalf("after the restart: %v", err)
		}
		return err == nil
	})
}
