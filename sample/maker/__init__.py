"""The parts of the sample's generator: ids and time, client versions, the writer, the stories."""
