import Foundation
import Testing

extension EndToEnd {
    /// The units on a systemd that is booted for the occasion.
    @Suite(.serialized) struct SystemdTests {
        @Test func unitsOnABootedSystem() throws {
            let here = URL(fileURLWithPath: #filePath).resolvingSymlinksInPath().deletingLastPathComponent()
            let repository = here.deletingLastPathComponent().deletingLastPathComponent()
            let scratch = try TemporaryDirectory()
            // Half a minute is long for a test; all else is as it is installed.
            let override = scratch.path + "/watchdog.conf"
            try "[Service]\nWatchdogSec=5s\nRestartSec=200ms\n".write(
                toFile: override, atomically: true, encoding: .utf8)
            let units = "/etc/systemd/system"
            let copies = [
                Surroundings.binary: "/usr/local/bin/dmq-metadata",
                repository.path + "/systemd/dmq-metadata@.service": "\(units)/dmq-metadata@.service",
                repository.path + "/systemd/dmq-metadata.target": "\(units)/dmq-metadata.target",
                repository.path + "/systemd/dmq-metadata-backup@.service": "\(units)/dmq-metadata-backup@.service",
                repository.path + "/systemd/dmq-metadata-backup@.timer": "\(units)/dmq-metadata-backup@.timer",
                repository.path + "/etc/services.json": "/etc/dmq-metadata/services.json",
                override: "\(units)/dmq-metadata@.service.d/watchdog.conf",
                here.path + "/systemd/inside": "/usr/local/bin/dmq-inside",
            ]
            var arguments = [here.path + "/systemd/boot", "-t", "240"]
            for (source, target) in copies.sorted(by: { $0.key < $1.key }) {
                arguments += ["-c", "\(source):\(target)"]
            }
            let result = try Finished.run(
                "/bin/bash", arguments + ["/usr/local/bin/dmq-inside"], within: .seconds(300))
            if result.end == .exited(77) { return try Surroundings.skip(result.errorOutput) }
            #expect(result.end == .exited(0), "\(result.output)\n\(result.errorOutput)")
            if Surroundings.variable("DMQ_SHOW_BOOT") != nil { print(result.output) }
        }
    }
}
