// swift-tools-version: 6.2
import PackageDescription

// The arrows between targets point down only; Tests/ArchitectureTests checks what each may import.
let settings: [SwiftSetting] =
    [
        .enableUpcomingFeature("ExistentialAny"),
        .enableUpcomingFeature("MemberImportVisibility"),
        // A deliberate defect that a precondition catches must say which one it was.
        .unsafeFlags(["-assert-config", "Debug"], .when(traits: ["Defects"])),
    ] + (Context.environment["CI"] == nil ? [] : [.treatAllWarnings(as: .error)])

let package = Package(
    name: "dmq-metadata",
    products: [.executable(name: "dmq-metadata", targets: ["dmq-metadata"])],
    traits: [
        .trait(name: "Defects", description: "Deliberate defects, switched on by name, to test the simulation with.")
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
    ],
    targets: [
        .systemLibrary(name: "CSQLite", providers: [.apt(["libsqlite3-dev"])]),
        .systemLibrary(name: "CLinux"),
        .target(name: "Defects", swiftSettings: settings),
        .target(name: "Raft", dependencies: ["Defects"], swiftSettings: settings),
        .target(name: "Metadata", dependencies: ["Defects"], swiftSettings: settings),
        .target(name: "Wire", dependencies: ["Raft", "Metadata"], swiftSettings: settings),
        .target(name: "Storage", dependencies: ["CSQLite", "CLinux", "Raft", "Metadata"], swiftSettings: settings),
        .target(name: "HTTP", dependencies: ["CLinux"], swiftSettings: settings),
        .target(
            name: "Server",
            dependencies: [
                "Defects", "Raft", "Metadata", "Wire", "Storage", "HTTP",
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: settings),
        .target(
            name: "API",
            dependencies: ["Raft", "Metadata", "Wire", "Storage", "HTTP", "Server"],
            swiftSettings: settings),
        .target(
            name: "Simulation",
            dependencies: [
                "Defects", "Raft", "Metadata", "Wire", "Storage", "Server",
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: settings),
        .executableTarget(
            name: "dmq-metadata",
            dependencies: [
                "API", "Server", "Storage", "HTTP", "Wire", "Metadata", "Raft", "Simulation", "Defects", "CLinux",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: settings),
        .testTarget(name: "RaftTests", dependencies: ["Raft"], swiftSettings: settings),
        .testTarget(name: "MetadataTests", dependencies: ["Metadata"], swiftSettings: settings),
        .testTarget(name: "WireTests", dependencies: ["Wire"], swiftSettings: settings),
        .testTarget(
            name: "StorageTests", dependencies: ["Storage", "CSQLite"], exclude: ["Fixtures"], swiftSettings: settings),
        // A SQLite VFS that knows what a disk may hold when the power goes.
        .target(name: "CPowerCutVFS", dependencies: ["CSQLite"], path: "Tests/CPowerCutVFS"),
        .testTarget(
            name: "PowerCutTests", dependencies: ["Storage", "Raft", "Metadata", "CPowerCutVFS", "CSQLite"],
            swiftSettings: settings),
        .testTarget(name: "HTTPTests", dependencies: ["HTTP"], swiftSettings: settings),
        .testTarget(
            name: "ServerTests",
            dependencies: [
                "Raft", "Metadata", "Wire", "Storage", "Server", .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: settings),
        .testTarget(name: "APITests", dependencies: ["API"], swiftSettings: settings),
        .testTarget(
            name: "SimulationTests", dependencies: ["Defects", "Metadata", "Raft", "Simulation", "Storage"],
            swiftSettings: settings),
        .testTarget(name: "CommandTests", dependencies: ["dmq-metadata"], swiftSettings: settings),
        .testTarget(name: "ArchitectureTests", swiftSettings: settings),
        // The executable is only to be built: the tests run it, and have a client of their own. The others are judges of
        // what clients saw: the checker of histories, and what a log comes to.
        .testTarget(
            name: "EndToEndTests", dependencies: ["dmq-metadata", "Simulation", "Metadata", "Raft", "Wire"],
            exclude: ["systemd", "Clients"], swiftSettings: settings),
    ],
    swiftLanguageModes: [.v6]
)
