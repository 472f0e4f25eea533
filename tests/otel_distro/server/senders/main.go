package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlplog/otlploghttp"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetrichttp"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/log"
	"go.opentelemetry.io/otel/metric"
	sdklog "go.opentelemetry.io/otel/sdk/log"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func main() {
	ctx, kind, secret := context.Background(), os.Args[1], os.Args[2]
	var exporter *otlptrace.Exporter
	var err error
	if kind == "grpc" {
		exporter, err = otlptracegrpc.New(ctx)
	} else {
		exporter, err = otlptracehttp.New(ctx, otlptracehttp.WithCompression(otlptracehttp.GzipCompression))
	}
	must(err)
	spans := sdktrace.NewTracerProvider(sdktrace.WithBatcher(exporter))
	records, err := otlploghttp.New(ctx)
	must(err)
	logs := sdklog.NewLoggerProvider(sdklog.WithProcessor(sdklog.NewSimpleProcessor(records)))
	points, err := otlpmetrichttp.New(ctx)
	must(err)
	metrics := sdkmetric.NewMeterProvider(sdkmetric.WithReader(sdkmetric.NewPeriodicReader(points)))

	orders, err := metrics.Meter("app").Int64Counter("sdk.orders")
	must(err)
	orders.Add(ctx, 3, metric.WithAttributes(attribute.String("customer", secret)))
	inRoot, root := spans.Tracer("app").Start(ctx, "GET /plan")
	inCall, call := spans.Tracer("openai").Start(inRoot, "chat gpt-4o")
	call.SetAttributes(
		attribute.String("gen_ai.operation.name", "chat"),
		attribute.String("gen_ai.provider.name", "openai"),
		attribute.String("gen_ai.request.model", "gpt-4o"),
		attribute.String("gen_ai.response.id", "r-"+kind),
		attribute.Int("gen_ai.usage.input_tokens", 1200),
		attribute.Int("gen_ai.usage.output_tokens", 300),
		attribute.Float64("app.ratio", 0.5),
		attribute.StringSlice("app.list", []string{"a", secret}),
	)
	call.RecordError(errors.New("mail " + secret))
	call.SetStatus(codes.Error, "for "+secret)
	record := log.Record{}
	record.SetSeverity(log.SeverityError)
	record.SetBody(attribute.StringValue("log of " + secret))
	logs.Logger("app").Emit(inCall, record)
	fmt.Println(call.SpanContext().TraceID())
	call.End()
	root.End()
	must(spans.Shutdown(ctx))
	must(logs.Shutdown(ctx))
	must(metrics.Shutdown(ctx))
}
