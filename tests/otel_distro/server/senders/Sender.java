import io.opentelemetry.api.common.AttributeKey;
import io.opentelemetry.api.logs.Severity;
import io.opentelemetry.api.trace.StatusCode;
import io.opentelemetry.sdk.OpenTelemetrySdk;
import io.opentelemetry.sdk.autoconfigure.AutoConfiguredOpenTelemetrySdk;
import java.util.List;
import java.util.concurrent.TimeUnit;

public class Sender {
  public static void main(String[] arguments) {
    String kind = arguments[0], secret = arguments[1];
    OpenTelemetrySdk sdk = AutoConfiguredOpenTelemetrySdk.builder().disableShutdownHook().build().getOpenTelemetrySdk();
    sdk.getMeter("app").counterBuilder("sdk.orders").build()
        .add(3, io.opentelemetry.api.common.Attributes.of(AttributeKey.stringKey("customer"), secret));
    var root = sdk.getTracer("app").spanBuilder("GET /plan").startSpan();
    try (var inRoot = root.makeCurrent()) {
      var call = sdk.getTracer("openai").spanBuilder("chat gpt-4o")
          .setAttribute("gen_ai.operation.name", "chat")
          .setAttribute("gen_ai.provider.name", "openai")
          .setAttribute("gen_ai.request.model", "gpt-4o")
          .setAttribute("gen_ai.response.id", "r-" + kind)
          .setAttribute("gen_ai.usage.input_tokens", 1200)
          .setAttribute("gen_ai.usage.output_tokens", 300)
          .setAttribute("app.ratio", 0.5)
          .setAttribute(AttributeKey.stringArrayKey("app.list"), List.of("a", secret))
          .startSpan();
      try (var inCall = call.makeCurrent()) {
        call.recordException(new IllegalStateException("mail " + secret));
        call.setStatus(StatusCode.ERROR, "for " + secret);
        sdk.getLogsBridge().get("app").logRecordBuilder()
            .setSeverity(Severity.ERROR).setBody("log of " + secret).emit();
        System.out.println(call.getSpanContext().getTraceId());
      }
      call.end();
    }
    root.end();
    sdk.shutdown().join(20, TimeUnit.SECONDS);
  }
}
