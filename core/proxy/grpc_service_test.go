package proxy

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"testing"

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

// service is a module that speaks gRPC.
type service struct {
	pb.UnimplementedTestServiceServer
	began, ended chan context.Context // of EmptyCall, which works until it is cancelled
	heard        chan struct{}        // closed when the first message was
	die          func()               // ends the process
}

func (s *service) EmptyCall(ctx context.Context, _ *pb.Empty) (*pb.Empty, error) {
	s.began <- ctx
	<-ctx.Done()
	s.ended <- ctx
	return nil, ctx.Err()
}

func (s *service) UnaryCall(ctx context.Context, in *pb.SimpleRequest) (*pb.SimpleResponse, error) {
	md, _ := metadata.FromIncomingContext(ctx)
	_ = grpc.SetHeader(ctx, metadata.Pairs("x-epoch", strings.Join(md["modgate-epoch"], ""), "x-echo", strings.Join(md["x-echo"], "")))
	_ = grpc.SetTrailer(ctx, metadata.Pairs("x-trailer-bin", "\x00\xff"))
	if st := in.GetResponseStatus(); st != nil {
		return nil, status.Error(codes.Code(st.GetCode()), st.GetMessage())
	}
	return &pb.SimpleResponse{Payload: in.GetPayload()}, nil
}

func (s *service) StreamingOutputCall(in *pb.StreamingOutputCallRequest, out pb.TestService_StreamingOutputCallServer) error {
	for _, p := range in.GetResponseParameters() {
		if p.GetSize() < 0 {
			<-s.heard
			s.die()
			<-out.Context().Done()
			return out.Context().Err()
		}
		if err := out.Send(&pb.StreamingOutputCallResponse{Payload: &pb.Payload{Body: make([]byte, p.GetSize())}}); err != nil {
			return err
		}
	}
	out.SetTrailer(metadata.Pairs("x-sent", fmt.Sprint(len(in.GetResponseParameters()))))
	return nil
}

func (s *service) StreamingInputCall(in pb.TestService_StreamingInputCallServer) error {
	var size int32
	for {
		m, err := in.Recv()
		if errors.Is(err, io.EOF) {
			return in.SendAndClose(&pb.StreamingInputCallResponse{AggregatedPayloadSize: size})
		}
		if err != nil {
			return err
		}
		size += int32(len(m.GetPayload().GetBody()))
	}
}

func (s *service) FullDuplexCall(both pb.TestService_FullDuplexCallServer) error {
	for {
		m, err := both.Recv()
		if errors.Is(err, io.EOF) {
			return status.Error(codes.AlreadyExists, "all came; 100 % – good")
		}
		if err != nil {
			return err
		}
		if err := both.Send(&pb.StreamingOutputCallResponse{Payload: m.GetPayload()}); err != nil {
			return err
		}
	}
}

// counts counts the connections that it accepts.
type counts struct {
	net.Listener
	accepted atomic.Int64
}

func (l *counts) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err == nil {
		l.accepted.Add(1)
	}
	return c, err
}

// serveGRPC serves a service, under TLS where there are credentials.
func serveGRPC(t *testing.T, options ...grpc.ServerOption) (*service, *counts) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer(options...)
	s := &service{began: make(chan context.Context, 1), ended: make(chan context.Context, 1), heard: make(chan struct{}), die: func() { go server.Stop() }}
	pb.RegisterTestServiceServer(server, s)
	l := &counts{Listener: ln}
	served := make(chan struct{})
	go func() { defer close(served); _ = server.Serve(l) }()
	t.Cleanup(func() { server.Stop(); <-served })
	return s, l
}

// grpcClient calls the gateway.
func grpcClient(t *testing.T, address string, creds credentials.TransportCredentials) pb.TestServiceClient {
	t.Helper()
	cc, err := grpc.NewClient("passthrough:///"+address, grpc.WithTransportCredentials(creds))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cc.Close() })
	return pb.NewTestServiceClient(cc)
}

// grpcGate is a gateway before a service in clear text.
func grpcGate(t *testing.T, adjust ...func(*Options)) (g *gate, m *route.Module, i *route.Instance, s *service, c pb.TestServiceClient) {
	t.Helper()
	s, ln := serveGRPC(t)
	g = start(t, adjust...)
	m = g.module("m", route.Entry{Path: "/grpc.testing.TestService/{method}"})
	i = instance("a", "m", "1.0.0", "http://"+ln.Addr().String())
	i.Protocol = message.H2C
	return g, m, i, s, grpcClient(t, g.address, insecure.NewCredentials())
}

func payload(n int) *pb.Payload { return &pb.Payload{Body: make([]byte, n)} }

func serverCreds(ca *keyringtest.Authority) credentials.TransportCredentials {
	c := ca.Certificate("127.0.0.1")
	return credentials.NewServerTLSFromCert(&c)
}
