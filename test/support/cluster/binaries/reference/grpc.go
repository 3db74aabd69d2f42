package main

import (
	"crypto/tls"
	"fmt"
	"net"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
)

// GrpcServer is a server to start on loopback, which runs until the program ends.
type GrpcServer struct {
	// Health has the status of each service, by the names of the protocol; the empty name is the whole server. Without
	// it, the server has no health service.
	Health map[string]string `json:"health"`
	// Certificate and Key are in PEM. Without them, there is no TLS.
	Certificate string `json:"certificate"`
	Key         string `json:"key"`
}

// startAll returns the port of each server.
func startAll(servers []GrpcServer) ([]int, error) {
	ports := make([]int, len(servers))
	for i := range servers {
		port, err := start(&servers[i])
		if err != nil {
			return nil, err
		}
		ports[i] = port
	}
	return ports, nil
}

func start(wanted *GrpcServer) (int, error) {
	var options []grpc.ServerOption
	if wanted.Certificate != "" {
		pair, err := tls.X509KeyPair([]byte(wanted.Certificate), []byte(wanted.Key))
		if err != nil {
			return 0, err
		}
		options = append(options, grpc.Creds(credentials.NewServerTLSFromCert(&pair)))
	}
	server := grpc.NewServer(options...)
	if wanted.Health != nil {
		statuses := health.NewServer()
		for service, name := range wanted.Health {
			status, ok := healthpb.HealthCheckResponse_ServingStatus_value[name]
			if !ok {
				return 0, fmt.Errorf("no status %q", name)
			}
			statuses.SetServingStatus(service, healthpb.HealthCheckResponse_ServingStatus(status))
		}
		healthpb.RegisterHealthServer(server, statuses)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	go server.Serve(listener)
	return listener.Addr().(*net.TCPAddr).Port, nil
}
