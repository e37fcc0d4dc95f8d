import Metadata
import Raft
import Server
import Wire

/// The JSON text of one page.
struct ChangesText {
    private let shared: SharedChangesPage
    private let controller: ControllerInfo?

    init(_ shared: SharedChangesPage, _ members: [Member]) {
        self.shared = shared
        controller = ControllerInfo(leader: shared.leader, term: shared.term, members: members)
    }

    var text: [UInt8] {
        var json = JSONWriter(capacity: 4096)
        for case .write(let write) in steps { write(&json) }
        return json.bytes
    }

    var steps: AnySequence<JSONStream.Step> {
        let page = shared.page
        return .object(
            .one(writeHead),
            .array("removedBrokers", .each(page.removedBrokers) { id in [.write { $0.value(id) }] }),
            .array("removedTopics", .each(page.removedTopics) { topic in [.write { $0.value(topic) }] }),
            .array("brokers", .each(page.brokers) { broker in [.write { $0.value(followed: broker) }] }),
            .array("topics", .each(page.topics) { topic in [.write { $0.value(followed: topic) }] }),
            .array(
                "partitions",
                .each(page.partitions) { row in [.write { $0.value(followed: row.partition, of: row.topic) }] }),
            groups)
    }

    /// Only where there are some: below their level answers are what they were.
    private var groups: AnySequence<JSONStream.Step> {
        let page = shared.page
        guard !page.groups.isEmpty || !page.removedGroups.isEmpty else { return .one { _ in } }
        return AnySequence(
            [
                AnySequence.array("removedGroups", .each(page.removedGroups) { id in [.write { $0.value(id) }] }),
                .array("groups", .each(page.groups) { group in [.write { $0.value(followed: group) }] }),
            ].joined())
    }

    private func writeHead(to json: inout JSONWriter) {
        json.field("since", shared.request.version)
        json.field("to", shared.version)
        json.field("version", shared.page.version)
        json.field("complete", shared.next == nil)
        json.field("next", shared.next?.text)
        json.key("controller")
        if let controller { json.value(controller) } else { json.null() }
    }
}

extension JSONWriter {
    fileprivate mutating func value(_ controller: ControllerInfo) {
        object { json in
            json.field("controllerId", controller.leader.id.number)
            json.field("controllerUrl", controller.leader.url)
            json.field("controllerTerm", controller.term.number)
        }
    }

    fileprivate mutating func value(_ topic: ChangesPage.RemovedTopic) {
        object { json in
            json.field("name", topic.name)
            json.field("topicId", topic.id.description)
        }
    }

    fileprivate mutating func value(followed topic: Topic) {
        object { json in
            json.fields(of: topic)
            json.field("topicId", topic.id.description)
        }
    }

    fileprivate mutating func value(followed partition: Partition, of topic: Topic) {
        object { json in
            json.fields(of: partition, in: topic)
        }
    }
}
