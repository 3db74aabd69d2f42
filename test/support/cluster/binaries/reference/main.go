// Command reference answers, by Kubernetes' own packages, the questions that handler/ answers by its own code. It reads
// one question a line from stdin and writes one answer a line, both as JSON, so that a test can compare the two.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/endpointslice"
	endpointsliceutil "k8s.io/endpointslice/util"
	podutil "k8s.io/kubernetes/pkg/api/v1/pod"
	"k8s.io/kubernetes/pkg/apis/core"
	corev1 "k8s.io/kubernetes/pkg/apis/core/v1"
	"k8s.io/kubernetes/pkg/probe"
	grpcprobe "k8s.io/kubernetes/pkg/probe/grpc"
	httpprobe "k8s.io/kubernetes/pkg/probe/http"
	tcpprobe "k8s.io/kubernetes/pkg/probe/tcp"
)

// Question holds objects as somebody writes them, probes to run, or servers to start.
type Question struct {
	// GrpcServers are started; where there are any, nothing else is asked.
	GrpcServers []GrpcServer `json:"grpcServers"`
	// Runs are made side by side; where there are any, nothing else is asked.
	Runs    []Run      `json:"runs"`
	Pod     v1.Pod     `json:"pod"`
	Service v1.Service `json:"service"`
	// LabelSelector is what a list of the Service's pods asks for in its query.
	LabelSelector string `json:"labelSelector"`
}

// Run is a readinessProbe that the kubelet would run once.
type Run struct {
	PodIP     string       `json:"podIP"`
	Container v1.Container `json:"container"`
	TimeoutMs int64        `json:"timeoutMs"`
}

// Verdict is what came of a Run: success, warning, failure or unknown.
type Verdict struct {
	Result string `json:"result"`
	Output string `json:"output"`
}

// Port is a number, or why there is none.
type Port struct {
	Number int    `json:"number,omitempty"`
	Error  string `json:"error,omitempty"`
}

// Probe is what the kubelet does for a readinessProbe.
type Probe struct {
	Container        string `json:"container"`
	Kind             string `json:"kind"`
	Scheme           string `json:"scheme,omitempty"`
	Host             string `json:"host,omitempty"`
	Port             Port   `json:"port"`
	TimeoutSeconds   int32  `json:"timeoutSeconds"`
	PeriodSeconds    int32  `json:"periodSeconds"`
	SuccessThreshold int32  `json:"successThreshold"`
	FailureThreshold int32  `json:"failureThreshold"`
}

// Answer is about the objects as an API server hands them out.
type Answer struct {
	// GrpcPorts has one entry for each of the GrpcServers.
	GrpcPorts []int `json:"grpcPorts,omitempty"`
	// Verdicts has one entry for each of the Runs.
	Verdicts []Verdict `json:"verdicts,omitempty"`
	// Ports has one entry for each port of the Service.
	Ports []Port `json:"ports"`
	// Probes are in the order in which the kubelet begins them.
	Probes []Probe `json:"probes"`
	PodIP  string  `json:"podIP"`
	// PodIPs are the addresses that EndpointSlices may hold.
	PodIPs      []string `json:"podIPs"`
	Ready       bool     `json:"ready"`
	Terminal    bool     `json:"terminal"`
	InEndpoints bool     `json:"inEndpoints"`
	// Selected is the endpoint controller's word, Listed the API server's.
	Selected bool   `json:"selected"`
	Listed   bool   `json:"listed"`
	Error    string `json:"error,omitempty"`
}

func main() {
	log.SetOutput(io.Discard) // what net/http has to say of rude servers
	in := bufio.NewScanner(os.Stdin)
	in.Buffer(nil, 16<<20)
	out := json.NewEncoder(os.Stdout)
	for in.Scan() {
		answer, err := answerTo(in.Bytes())
		if err != nil {
			answer = Answer{Error: err.Error()}
		}
		if err := out.Encode(answer); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	if err := in.Err(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func answerTo(line []byte) (Answer, error) {
	var question Question
	if err := json.Unmarshal(line, &question); err != nil {
		return Answer{}, err
	}
	if len(question.GrpcServers) > 0 {
		ports, err := startAll(question.GrpcServers)
		return Answer{GrpcPorts: ports}, err
	}
	if len(question.Runs) > 0 {
		return Answer{Verdicts: runAll(question.Runs)}, nil
	}
	pod, err := storedPod(&question.Pod)
	if err != nil {
		return Answer{}, err
	}
	service := &question.Service
	corev1.SetObjectDefaults_Service(service)
	query, err := labels.Parse(question.LabelSelector)
	if err != nil {
		return Answer{}, err
	}
	answer := Answer{
		Ports:       []Port{},
		Probes:      probesOf(pod),
		PodIP:       pod.Status.PodIP,
		PodIPs:      []string{},
		Ready:       podutil.IsPodReady(pod),
		Terminal:    podutil.IsPodTerminal(pod),
		InEndpoints: endpointsliceutil.ShouldPodBeInEndpoints(pod, false),
		// The controller leaves a Service alone whose selector is nil, as an empty one is once it has been stored.
		Selected: len(service.Spec.Selector) > 0 &&
			labels.Set(service.Spec.Selector).AsSelectorPreValidated().Matches(labels.Set(pod.Labels)),
		Listed: query.Matches(labels.Set(pod.Labels)),
	}
	for i := range service.Spec.Ports {
		answer.Ports = append(answer.Ports, port(endpointslice.FindPort(pod, &service.Spec.Ports[i])))
	}
	for _, podIP := range pod.Status.PodIPs {
		answer.PodIPs = append(answer.PodIPs, podIP.IP)
	}
	return answer, nil
}

// storedPod is the pod as an API server hands it out: with its defaults, and its addresses made to agree.
func storedPod(written *v1.Pod) (*v1.Pod, error) {
	corev1.SetObjectDefaults_Pod(written)
	internal, stored := &core.Pod{}, &v1.Pod{}
	if err := corev1.Convert_v1_Pod_To_core_Pod(written, internal, nil); err != nil {
		return nil, err
	}
	if err := corev1.Convert_core_Pod_To_v1_Pod(internal, stored, nil); err != nil {
		return nil, err
	}
	return stored, nil
}

// probesOf follows AddPod of pkg/kubelet/prober for the order.
func probesOf(pod *v1.Pod) []Probe {
	containers := append([]v1.Container{}, pod.Spec.Containers...)
	for _, container := range pod.Spec.InitContainers {
		if podutil.IsRestartableInitContainer(&container) {
			containers = append(containers, container)
		}
	}
	probes := []Probe{}
	for _, container := range containers {
		if container.ReadinessProbe != nil {
			probes = append(probes, probeOf(pod, &container))
		}
	}
	return probes
}

// probeOf follows runProbe of pkg/kubelet/prober for the choice between handlers, as that is not exported.
func probeOf(pod *v1.Pod, container *v1.Container) Probe {
	declared := container.ReadinessProbe
	result := Probe{
		Container:        container.Name,
		TimeoutSeconds:   declared.TimeoutSeconds,
		PeriodSeconds:    declared.PeriodSeconds,
		SuccessThreshold: declared.SuccessThreshold,
		FailureThreshold: declared.FailureThreshold,
	}
	switch {
	case declared.Exec != nil:
		result.Kind = "exec"
	case declared.HTTPGet != nil:
		result.Kind = "http"
		request, err := httpprobe.NewRequestForHTTPGetAction(declared.HTTPGet, container, pod.Status.PodIP, "probe")
		if err != nil {
			result.Port = port(0, err)
			break
		}
		result.Scheme = request.URL.Scheme
		result.Host = request.URL.Hostname()
		result.Port = port(strconv.Atoi(request.URL.Port()))
	case declared.TCPSocket != nil:
		result.Kind = "tcp"
		result.Host = declared.TCPSocket.Host
		if result.Host == "" {
			result.Host = pod.Status.PodIP
		}
		result.Port = port(probe.ResolveContainerPort(declared.TCPSocket.Port, container))
	case declared.GRPC != nil:
		result.Kind = "grpc"
		result.Host = pod.Status.PodIP
		result.Port = port(probe.ResolveContainerPort(intstr.FromInt32(declared.GRPC.Port), container))
	default:
		result.Kind = "none"
	}
	result.Host = strings.Trim(result.Host, "[]")
	return result
}

func runAll(runs []Run) []Verdict {
	verdicts := make([]Verdict, len(runs))
	var group sync.WaitGroup
	for i := range runs {
		group.Go(func() {
			result, output, err := runOne(&runs[i])
			if err != nil {
				output = err.Error()
			}
			verdicts[i] = Verdict{Result: string(result), Output: output}
		})
	}
	group.Wait()
	return verdicts
}

// runOne follows runProbe of pkg/kubelet/prober, as that is not exported. It has no retries.
func runOne(run *Run) (probe.Result, string, error) {
	timeout := time.Duration(run.TimeoutMs) * time.Millisecond
	declared := run.Container.ReadinessProbe
	switch {
	case declared.HTTPGet != nil:
		request, err := httpprobe.NewRequestForHTTPGetAction(declared.HTTPGet, &run.Container, run.PodIP, "probe")
		if err != nil {
			return probe.Unknown, "", err
		}
		return httpprobe.New(false).Probe(request, timeout)
	case declared.TCPSocket != nil:
		port, err := probe.ResolveContainerPort(declared.TCPSocket.Port, &run.Container)
		if err != nil {
			return probe.Unknown, "", err
		}
		host := declared.TCPSocket.Host
		if host == "" {
			host = run.PodIP
		}
		return tcpprobe.New().Probe(host, port, timeout)
	case declared.GRPC != nil:
		service := ""
		if declared.GRPC.Service != nil {
			service = *declared.GRPC.Service
		}
		return grpcprobe.New().Probe(run.PodIP, service, int(declared.GRPC.Port), timeout)
	default:
		return probe.Unknown, "", fmt.Errorf("neither httpGet nor tcpSocket nor grpc")
	}
}

func port(number int, err error) Port {
	if err != nil {
		return Port{Error: err.Error()}
	}
	return Port{Number: number}
}
